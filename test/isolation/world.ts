// Two tenants on a real database, in one mode, and the truth about their rows.
import { randomUUID } from 'node:crypto'
import { withTenant } from '../../src/context.js'
import { rowsSeenBySuperuser, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { type Mode, type ModeOptions, openMode, type TenantPrisma } from '../support/modes.js'

export interface World {
  readonly prisma: TenantPrisma
  readonly a: SeededTenant
  readonly b: SeededTenant
  asA<T>(fn: () => T | PromiseLike<T>): Promise<T>
  asB<T>(fn: () => T | PromiseLike<T>): Promise<T>
}

/** What only tenant A may ever read. */
export const SECRET = 'secret-of-a'

/** Fresh tenants for one test, A's names secret, so that tests of one file never meet. */
export async function newWorld(db: TenantDatabase, prisma: TenantPrisma): Promise<World> {
  const [a, b] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
  await rowsSeenBySuperuser(db, 'UPDATE projects SET name = $2 || name WHERE tenant_id = $1', [a.tenantId, SECRET])
  await rowsSeenBySuperuser(db, 'UPDATE tasks SET title = $2 || title WHERE tenant_id = $1', [a.tenantId, SECRET])
  return {
    prisma,
    a,
    b,
    asA: (fn) => withTenant(a.tenantId, fn),
    asB: (fn) => withTenant(b.tenantId, fn),
  }
}

/** Every row of a tenant, as one text to compare. */
export async function rowsOf(db: TenantDatabase, tenant: SeededTenant): Promise<string> {
  const [row] = await rowsSeenBySuperuser<{ all: string }>(
    db,
    `SELECT (SELECT coalesce(json_agg(p ORDER BY id), '[]')::text FROM projects p WHERE tenant_id = $1)
         || (SELECT coalesce(json_agg(t ORDER BY id), '[]')::text FROM tasks t WHERE tenant_id = $1) AS all`,
    [tenant.tenantId],
  )
  return row?.all ?? ''
}

export { type Mode, type ModeOptions, openMode }
