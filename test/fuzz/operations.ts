// What tenants ask while the wire is struck, and the answer that each must get: every name and id tells whose it is.
import type pg from 'pg'
import type { SeededTenant } from '../support/database.js'
import type { Mode, TenantPrisma } from '../support/modes.js'

export interface Asking {
  readonly prisma: TenantPrisma
  readonly pool: pg.Pool
  readonly tenant: SeededTenant
  /** What only this tenant writes. */
  readonly budget: number
}

export interface Operation {
  readonly modes: readonly Mode[]
  ask(asking: Asking): PromiseLike<unknown>
  /** The answer in the end; undefined where only an error is right. */
  right(tenant: SeededTenant): unknown
}

const both: readonly Mode[] = ['pool', 'portable']
const ids = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id).sort()
const projects = ({ projectIds }: SeededTenant): string[] => [...projectIds].sort()
const tasks = ({ taskIds }: SeededTenant): string[] => [...taskIds].sort()
const OWN = 'SELECT id FROM projects WHERE $1::text IS NOT NULL'

export const operations: readonly Operation[] = [
  {
    modes: both,
    ask: async ({ prisma }) => ids(await prisma.project.findMany({ select: { id: true } })),
    right: projects,
  },
  {
    modes: both,
    ask: ({ prisma, tenant }) =>
      Promise.all(
        projects(tenant).map(
          async (id) => (await prisma.project.findUnique({ where: { id }, select: { id: true } }))?.id,
        ),
      ),
    right: projects,
  },
  {
    modes: both,
    ask: async ({ prisma }) => ids(await prisma.$queryRaw<{ id: string }[]>`SELECT id FROM tasks`),
    right: tasks,
  },
  {
    modes: both,
    ask: ({ prisma, tenant, budget }) =>
      prisma.project.update({ where: { id: tenant.projectIds[0] as string }, data: { budget }, select: { id: true } }),
    right: ({ projectIds }) => ({ id: projectIds[0] }),
  },
  {
    modes: both,
    ask: ({ prisma, budget }) =>
      prisma.$transaction(async (tx) => {
        const before = ids(await tx.project.findMany({ select: { id: true } }))
        await tx.project.updateMany({ data: { budget } })
        return [before, ids(await tx.task.findMany({ select: { id: true } }))]
      }),
    right: (tenant) => [projects(tenant), tasks(tenant)],
  },
  {
    modes: both,
    ask: async ({ prisma }) => {
      const [first, second] = await prisma.$transaction([
        prisma.project.findMany({ select: { id: true } }),
        prisma.task.findMany({ select: { id: true } }),
      ])
      return [ids(first), ids(second)]
    },
    right: (tenant) => [projects(tenant), tasks(tenant)],
  },
  {
    modes: both,
    ask: ({ prisma }) => prisma.$queryRaw`SELECT 1 / count(*) FILTER (WHERE false) FROM projects`,
    right: () => undefined,
  },
  { modes: ['pool'], ask: async ({ pool }) => ids((await pool.query(OWN, ['x'])).rows), right: projects },
  {
    modes: ['pool'],
    ask: async ({ pool }) => ids((await pool.query({ name: 'own', text: OWN, values: ['x'] })).rows),
    right: projects,
  },
  {
    modes: ['pool'],
    ask: async ({ pool, budget }) => {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query('SAVEPOINT s')
        const { rows } = await client.query('UPDATE projects SET budget = $1 RETURNING id', [budget])
        await client.query('ROLLBACK TO SAVEPOINT s')
        await client.query({ name: 'own', text: OWN, values: ['x'] })
        await client.query('COMMIT')
        return ids(rows)
      } finally {
        client.release()
      }
    },
    right: projects,
  },
]
