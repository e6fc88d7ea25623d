// Fresh copies of the clean world for what fixtures plant, hundreds of them. What such a copy costs beside CREATE DATABASE
// is logins, each of which takes as long as the doctor: so one connection makes and drops them all.
import { randomBytes } from 'node:crypto'
import pg from 'pg'

import { tenantRoles } from '../../src/sql/index.js'
import { startPostgres, type TestServer, urlOf } from '../support/postgres.js'
import type { Fault, NearMiss } from './rule-fixture.js'
import { createWorldTemplate, roles } from './world.js'

export interface PlantedWorlds {
  readonly server: TestServer
  /** Runs `work` in a copy with this planted in it, closes every connection that it opened, and drops the copy. */
  inWorld(planted: Planted, work: (world: PlantedWorld) => Promise<void>): Promise<void>
  close(): Promise<void>
}

export interface PlantedWorld {
  readonly database: string
  /** A new connection: what is set for a role or for the database holds from a login on. */
  login(role?: string): Promise<pg.Client>
}

type Planted = Pick<Fault | NearMiss, 'sql' | 'roles'>

export async function openPlantedWorlds(): Promise<PlantedWorlds> {
  const server = await startPostgres()
  const template = await createWorldTemplate(server)
  const clean = await template.copy()
  const source = new URL(clean.adminUrl).pathname.slice(1)
  const maker = await connected(server.adminUrl)

  async function inWorld(planted: Planted, work: (world: PlantedWorld) => Promise<void>): Promise<void> {
    const database = `test_${randomBytes(6).toString('hex')}`
    const open: pg.Client[] = []
    const login = async (role?: string): Promise<pg.Client> => {
      const as = role === undefined ? {} : { user: role, password: role }
      const client = await connected(urlOf(server.adminUrl, { database, ...as }))
      open.push(client)
      return client
    }
    await maker.query(`CREATE DATABASE ${database} TEMPLATE ${source}`)
    try {
      const planter = await login()
      await planter.query(grantsSql)
      if (planted.sql) await planter.query(planted.sql)
      await planter.end()
      await work({ database, login })
    } finally {
      await Promise.all(open.map((client) => client.end()))
      await maker.query(`DROP DATABASE ${database} WITH (FORCE)`)
      const own = (planted.roles ?? []).map((role) => pg.escapeIdentifier(role))
      if (own.length > 0) await maker.query(`DROP ROLE IF EXISTS ${own.join(', ')}`)
    }
  }

  return {
    server,
    inWorld,
    close: async () => {
      await maker.end()
      await clean.drop()
      await template.drop()
      await server.stop()
    },
  }
}

/** The grants of the database itself, which a copy does not take over. Other test files give the same roles theirs. */
const grantsSql = `SELECT pg_advisory_xact_lock(5005);\n${tenantRoles({ ...roles, shared: ['plans'] })}`

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return client
}
