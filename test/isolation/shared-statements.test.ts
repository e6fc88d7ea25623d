// Proves who may share a statement. Prisma merges the findUnique calls of one tick into one: here exactly those for which
// the same is bound, however their scopes were opened, and never those of two tenants or of two values of a setting.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Binder } from '../../src/binding.js'
import { type Tenant, withoutTenant, withTenant } from '../../src/context.js'
import { roleQuery } from '../../src/role-check.js'
import {
  createTestDatabase,
  rowsSeenBySuperuser,
  type SeededTenant,
  seedTenants,
  type TenantDatabase,
} from '../support/database.js'
import { type FlightProxy, startFlightProxy } from '../support/flight-proxy.js'
import { leftOnIdleConnections, type Mode, modes, openMode } from '../support/modes.js'
import { startPostgres } from '../support/postgres.js'
import { NAMES_STATEMENTS } from '../support/prisma-version.js'

const settings = ['app.user_id']
const BINDING = new Binder({ settings }).sql

let db: TenantDatabase
let proxy: FlightProxy
let a: SeededTenant
let b: SeededTenant
beforeAll(async () => {
  db = await createTestDatabase()
  proxy = await startFlightProxy(await startPostgres())
  ;[a, b] = await seedTenants(db, [randomUUID(), randomUUID()], { projects: 10, tasks: 1 })
  // The tests below count what is not seen as well: all twenty are there.
  expect(await rowsSeenBySuperuser(db, 'SELECT id FROM projects')).toHaveLength(20)
})
afterAll(async () => {
  await proxy.stop()
  await db.drop()
})

describe.each(modes)('in %s mode', (mode) => sharing(mode, false))

describe.skipIf(!NAMES_STATEMENTS).each(modes)(
  'in %s mode with prepared statements (the adapter names them since Prisma 7.6)',
  (mode) => sharing(mode, true),
)

function sharing(mode: Mode, prepared: boolean): void {
  let opened: Awaited<ReturnType<typeof openMode>>
  beforeAll(async () => {
    opened = await openMode(mode, proxy.url(db.appUrl), { prepared, binding: { settings } })
    // Warm-up: a connection is open and checked.
    await withTenant(a.tenantId, () => opened.prisma.project.count())
  })
  afterAll(() => opened.close())
  beforeEach(() => proxy.reset())

  const find = async (id: string) => (await opened.prisma.project.findUnique({ where: { id } }))?.id ?? null
  const findIn = (tenant: Tenant, id: string) => withTenant(tenant, () => find(id))
  /** Statements that read: no bindings, no role check of a new connection, no BEGIN and COMMIT of portable mode's. */
  const reads = () =>
    proxy.statements().filter((sql) => sql.startsWith('SELECT') && !sql.startsWith(BINDING) && sql !== roleQuery)
  const bindings = () => proxy.statements().filter((sql) => sql.startsWith(BINDING))

  test('ten findUnique of one tenant in one tick are one statement', async () => {
    const ids = a.projectIds
    expect(await withTenant(a.tenantId, () => Promise.all(ids.map(find)))).toEqual(ids)
    expect(reads()).toHaveLength(1)
    expect(bindings()).toHaveLength(1)
    expect(proxy.flights()).toBe(mode === 'pool' ? 1 : 4)
  })

  test('those of two tenants in one tick are two statements, and each tenant gets its own rows', async () => {
    const calls = a.projectIds.flatMap((id, i) => [
      findIn(a.tenantId, id),
      findIn(b.tenantId, id),
      findIn(b.tenantId, b.projectIds[i] as string),
    ])
    expect(await Promise.all(calls)).toEqual(a.projectIds.flatMap((id, i) => [id, null, b.projectIds[i]]))
    expect(reads()).toHaveLength(2)
    expect(bindings()).toHaveLength(2)
  })

  test('scopes of one tenant that were opened one by one in one tick share a statement', async () => {
    expect(await Promise.all(a.projectIds.map((id) => findIn(a.tenantId, id)))).toEqual(a.projectIds)
    expect(reads()).toHaveLength(1)
    expect(bindings()).toHaveLength(1)
  })

  test('two spellings of one tenant share a statement', async () => {
    const spellings = [a.tenantId, a.tenantId.toUpperCase()]
    const calls = a.projectIds.map((id, i) => findIn(spellings[i % 2] as string, id))
    expect(await Promise.all(calls)).toEqual(a.projectIds)
    expect(reads()).toHaveLength(1)
  })

  test('$forTenant shares a statement with a scope of that tenant', async () => {
    const bound = opened.prisma.$forTenant(a.tenantId)
    const [first, second] = a.projectIds as [string, string]
    const [fromBound, fromScope, theft] = await Promise.all([
      bound.project.findUnique({ where: { id: first } }),
      findIn(a.tenantId, second),
      findIn(b.tenantId, first),
    ])
    expect([fromBound?.id, fromScope, theft]).toEqual([first, second, null])
    expect(reads()).toHaveLength(2)
  })

  test('scopes of one tenant with another value of a setting do not share a statement', async () => {
    const id = a.tenantId
    const scopes: Tenant[] = [
      id,
      { id, settings: { 'app.user_id': 'ann' } },
      { id, settings: { 'app.user_id': 'bob' } },
      { id, settings: { 'app.user_id': 'ann' } },
      { id, settings: { 'app.user_id': '' } },
    ]
    const found = await Promise.all(scopes.map((scope, i) => findIn(scope, a.projectIds[i] as string)))
    expect(found).toEqual(a.projectIds.slice(0, scopes.length))
    // No value and '' are the same; the other two are one each.
    expect(reads()).toHaveLength(3)
    expect(bindings()).toHaveLength(3)
  })

  test('a scope without a tenant shares with no tenant and sees nothing', async () => {
    const [id] = a.projectIds as [string]
    const found = await Promise.all([
      findIn(a.tenantId, id),
      withoutTenant(() => find(id)),
      withoutTenant(() => find(id)),
    ])
    expect(found).toEqual([id, null, null])
    expect(reads()).toHaveLength(2)
  })

  test('raw SQL of one tick is a statement for each call, in its own scope', async () => {
    const user = () => opened.prisma.$queryRaw<{ user: string }[]>`SELECT current_setting('app.user_id') AS user`
    const users = ['ann', 'bob', 'ann']
    const calls = users.map((name) => withTenant({ id: a.tenantId, settings: { 'app.user_id': name } }, user))
    expect(await Promise.all(calls)).toEqual(users.map((name) => [{ user: name }]))
    expect(reads()).toHaveLength(3)
    expect(await leftOnIdleConnections(opened.pool, ['app.tenant_id', ...settings])).not.toContainEqual(
      expect.stringMatching(/./),
    )
  })
}
