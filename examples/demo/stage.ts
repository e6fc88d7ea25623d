import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FlightProxy, startFlightProxy } from '../../test/support/flight-proxy.js'
import { openDatabase } from '../http-service/db.js'
import { createService } from '../http-service/server.js'
import { COMPANIES, type Company, PASSWORD } from './companies.js'
import { createDatabase, type DemoDatabase } from './database.js'
import { ask } from './http-client.js'

/** Everything that the demo's parts work with. */
export interface Stage {
  readonly database: DemoDatabase
  /** Between the service and PostgreSQL, counting. */
  readonly proxy: FlightProxy
  /** The service's own client and pool: an attack with these is one from inside the service. */
  readonly inside: ReturnType<typeof openDatabase>
  /** The service's address. */
  readonly service: string
  readonly attacker: Company
  readonly victim: Company
  readonly bystander: Company
  /** A bearer token of one of the company's members. */
  tokenOf(company: Company): string
  /** Rows as a superuser sees them. */
  truth<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  strike(): Promise<void>
}

export async function setStage(): Promise<Stage> {
  const database = await createDatabase()
  const proxy = await startFlightProxy({ host: database.host, port: database.port })
  const inside = openDatabase(proxy.url(database.appUrl))
  const server = createService(inside.prisma).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const strike = async (): Promise<void> => {
    await close(server)
    await inside.close()
    await proxy.stop()
    await database.stop()
  }
  try {
    const tokens = new Map<Company, string>()
    for (const company of COMPANIES) tokens.set(company, await logIn(service, company))
    const [attacker, victim, bystander] = COMPANIES
    return {
      database,
      proxy,
      inside,
      service,
      attacker,
      victim,
      bystander,
      tokenOf: (company) => tokens.get(company) ?? '',
      truth: async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
        (await database.superuser.query<Row>(sql, [...values])).rows,
      strike,
    }
  } catch (error) {
    await strike()
    throw error
  }
}

async function logIn(service: string, { host }: Company): Promise<string> {
  const { status, body } = await ask<{ token: string }>(service, 'POST /login', {
    host,
    body: { email: `member1@${host}`, password: PASSWORD },
  })
  if (status !== 201) throw new Error(`Logging in at ${host} ended with ${status}: ${JSON.stringify(body)}`)
  return body.token
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
