import { withTenant } from '../context.js'
import type { TenantId } from '../tenant.js'
import type { RunAs } from './client.js'

/**
 * The body of a test, run as a tenant: everything awaited inside is that tenant's. For any runner.
 *
 * @param as what runs it; default `withTenant`
 * @returns a function that takes what the runner gives a test, and hands it on
 * @throws InvalidTenantIdError, when the test runs, where the id is none
 * @example test('a new project is empty', asTenant(alice, async () => {
 *   const project = await prisma.project.create({ data: { name: 'new' } })
 *   expect(await prisma.task.count({ where: { projectId: project.id } })).toBe(0)
 * }))
 */
export function asTenant<Args extends unknown[], T>(
  tenant: TenantId,
  body: (...args: Args) => T | PromiseLike<T>,
  as: RunAs = withTenant as RunAs,
): (...args: Args) => Promise<T> {
  // A rest parameter: a runner that counts parameters must not wait for a callback.
  return async (...args) => (await as(tenant, async () => body(...args))) as T
}

/** What runs a function as one tenant. */
export type AsTenant = <T>(fn: () => T | PromiseLike<T>) => Promise<T>

/**
 * Tenants by name, as fixtures of `test.extend` (vitest, Playwright): each is a function that runs another as its tenant.
 *
 * @param tenants ids by the name of the fixture
 * @param as what runs it; default `withTenant`
 * @example const test = base.extend(tenantFixtures({ alice: a, bob: b }))
 * test('bob sees nothing of what alice makes', async ({ alice, bob }) => {
 *   const { id } = await alice(() => prisma.project.create({ data: { name: 'new' } }))
 *   expect(await bob(() => prisma.project.findUnique({ where: { id } }))).toBeNull()
 * })
 */
export function tenantFixtures<const Name extends string>(
  tenants: Readonly<Record<Name, TenantId>>,
  as: RunAs = withTenant as RunAs,
): { [Key in Name]: (context: object, use: (fixture: AsTenant) => Promise<void>) => Promise<void> } {
  const fixture = (tenant: TenantId) => {
    const run: AsTenant = async <T>(fn: () => T | PromiseLike<T>) => (await as(tenant, async () => fn())) as T
    // biome-ignore lint/correctness/noEmptyPattern: runners read from this pattern which fixtures it needs
    return async ({}: object, use: (fixture: AsTenant) => Promise<void>) => use(run)
  }
  const entries = Object.entries<TenantId>(tenants).map(([name, tenant]) => [name, fixture(tenant)])
  return Object.fromEntries(entries) as ReturnType<typeof tenantFixtures<Name>>
}
