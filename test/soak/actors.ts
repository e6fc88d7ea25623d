// What the users of a soaked service do: Prisma in either mode, and plain pg on a TenantPool. Each actor works for one tenant
// at a time and knows what it must see.
import type pg from 'pg'
import QueryStream from 'pg-query-stream'
import { expect } from 'vitest'
import { withTenant } from '../../src/context.js'
import type { TenantPrisma } from '../support/modes.js'
import { expectStruck, type OwnRow } from './oracle.js'

export interface Actor {
  readonly tenantId: string
  /** All projects of the tenant. */
  readonly projectIds: readonly string[]
  readonly row: OwnRow
  next(): number
  random(): number
}
type Work = (actor: Actor) => Promise<void>

const thrown = new Error('thrown by the actor')
const throwing = (): never => {
  throw thrown
}
const as = <T>({ tenantId }: Actor, fn: () => T | PromiseLike<T>) => withTenant(tenantId, fn)

/** What was struck is passed over; where it wrote, its outcome is unknown. */
async function perhaps(work: () => Promise<void>, unknown: () => void = () => {}): Promise<void> {
  try {
    await work()
  } catch (error) {
    unknown()
    expectStruck(error)
  }
}

function checkProjects({ projectIds, tenantId, row }: Actor, seen: { id: string; tenantId: string; budget: number }[]) {
  expect(seen.map(({ id }) => id).sort()).toEqual([...projectIds].sort())
  expect(new Set(seen.map((project) => project.tenantId))).toEqual(new Set([tenantId]))
  row.check(seen.find(({ id }) => id === row.id)?.budget)
}

/** An error that the actor made itself: it must be just that one, unless the connection was struck before. */
async function mustFail(work: () => Promise<unknown>, expected: (error: unknown) => boolean): Promise<void> {
  const error = await work().then(
    () => expect.fail('It was answered.'),
    (reason: unknown) => reason,
  )
  if (!expected(error)) expectStruck(error)
}

export function prismaActors(prisma: TenantPrisma): Record<string, Work> {
  const write = (actor: Actor, value: number) => ({ where: { id: actor.row.id }, data: { budget: value } })
  return {
    read: (actor) => perhaps(async () => checkProjects(actor, await as(actor, () => prisma.project.findMany()))),
    'read in one tick': (actor) =>
      perhaps(async () => {
        const found = await as(actor, () =>
          Promise.all(actor.projectIds.map((id) => prisma.project.findUniqueOrThrow({ where: { id } }))),
        )
        checkProjects(actor, found)
      }),
    async write(actor) {
      const value = actor.next()
      const written = async () => {
        await as(actor, () => prisma.project.update(write(actor, value)))
        actor.row.written(value)
      }
      await perhaps(written, () => actor.row.perhapsWritten(value))
    },
    async 'write in an array'(actor) {
      const value = actor.next()
      const written = async () => {
        const [, seen] = await as(actor, () =>
          prisma.$transaction([prisma.project.update(write(actor, value)), prisma.project.findMany()]),
        )
        actor.row.written(value)
        checkProjects(actor, seen)
      }
      await perhaps(written, () => actor.row.perhapsWritten(value))
    },
    async 'write in a transaction'(actor) {
      const value = actor.next()
      const options = actor.random() < 0.3 ? { timeout: 40 } : {}
      const written = async () => {
        await as(actor, () =>
          prisma.$transaction(async (tx) => {
            const { budget } = await tx.project.update(write(actor, value))
            expect(budget).toBe(value)
            await tx.$queryRaw`SELECT 1 AS one FROM pg_sleep(${actor.random() / 20}::float8)`
            const seen = await tx.project.findUniqueOrThrow({ where: { id: actor.row.id } })
            expect(seen.budget).toBe(value)
          }, options),
        )
        actor.row.written(value)
      }
      await perhaps(written, () => actor.row.perhapsWritten(value))
    },
    // Never committed, whatever happened.
    'throw in a transaction': (actor) =>
      mustFail(
        () =>
          as(actor, () =>
            prisma.$transaction(async (tx) => {
              await tx.project.update(write(actor, -actor.next()))
              throwing()
            }),
          ),
        (error) => error === thrown,
      ),
    'ask without a tenant': () => mustFail(() => prisma.project.findMany(), hasCode('TENANT.REQUIRED')),
  }
}

const OWN = 'SELECT id, tenant_id AS "tenantId", budget FROM projects'

export function plainActors(pool: pg.Pool): Record<string, Work> {
  const leased = async (use: (client: pg.PoolClient) => Promise<unknown>): Promise<void> => {
    const client = await pool.connect()
    try {
      await use(client)
    } finally {
      client.release()
    }
  }
  /** BEGIN before the `try`, as many a library has it. */
  const transaction = async (body: (client: pg.PoolClient) => Promise<unknown>): Promise<void> => {
    const client = await pool.connect()
    await client.query('BEGIN')
    try {
      await body(client)
      // An aborted transaction answers ROLLBACK.
      if ((await client.query('COMMIT')).command !== 'COMMIT') throw new Error('The transaction is over: rolled back.')
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {})
      throw error
    } finally {
      client.release()
    }
  }
  const WRITE = 'UPDATE projects SET budget = $2 WHERE id = $1'
  return {
    'read with pg': (actor) => perhaps(async () => checkProjects(actor, (await as(actor, () => pool.query(OWN))).rows)),
    'read with pg, by name': (actor) =>
      perhaps(async () => checkProjects(actor, (await as(actor, () => pool.query({ name: 'own', text: OWN }))).rows)),
    async 'write with pg'(actor) {
      const value = actor.next()
      const written = async () => {
        expect((await as(actor, () => pool.query(WRITE, [actor.row.id, value]))).rowCount).toBe(1)
        actor.row.written(value)
      }
      await perhaps(written, () => actor.row.perhapsWritten(value))
    },
    async 'write in a transaction with pg'(actor) {
      const value = actor.next()
      const written = async () => {
        await as(actor, () =>
          transaction(async (client) => {
            await client.query(WRITE, [actor.row.id, value])
            const { rows } = await client.query('SELECT budget FROM projects WHERE id = $1', [actor.row.id])
            expect(rows).toEqual([{ budget: value }])
          }),
        )
        actor.row.written(value)
      }
      await perhaps(written, () => actor.row.perhapsWritten(value))
    },
    'send a value that throws': (actor) => {
      const value =
        actor.random() < 0.5 ? { toPostgres: throwing } : Object.assign(Buffer.from('x'), { copy: throwing })
      const query = { text: 'SELECT $1::bytea AS x', values: [value] }
      const ask = [
        () => pool.query(query),
        () => transaction((client) => client.query(query)),
        () =>
          transaction(async (client) => {
            await client.query(WRITE, [actor.row.id, -actor.next()])
            await client.query(query)
          }),
      ][Math.floor(actor.random() * 3)] as () => Promise<unknown>
      return mustFail(
        () => as(actor, ask),
        (error) => error === thrown,
      )
    },
    'bring a type parser that throws': (actor) => {
      const getTypeParser = actor.random() < 0.5 ? throwing : () => throwing
      const query = { text: OWN, types: { getTypeParser } } as never
      return mustFail(
        () => as(actor, () => (actor.random() < 0.5 ? pool.query(query) : leased((client) => client.query(query)))),
        (error) => error === thrown,
      )
    },
    'begin without a tenant': (actor) =>
      mustFail(
        () => transaction((client) => client.query(WRITE, [actor.row.id, -actor.next()])),
        hasCode('TENANT.REQUIRED'),
      ),
    'ask for a stream': (actor) =>
      mustFail(
        () =>
          as(actor, () =>
            leased(async (client) => {
              for await (const row of client.query(new QueryStream(OWN))) expect(row).toBeDefined()
            }),
          ),
        hasCode('QUERY.UNSUPPORTED'),
      ),
    'ask for what the server refuses': (actor) =>
      mustFail(() => as(actor, () => leased((client) => client.query('SELECT 1 / 0'))), hasCode('22012')),
  }
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => (error as { code?: unknown }).code === code
}
