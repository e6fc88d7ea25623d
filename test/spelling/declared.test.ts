// Proves that a process without a client says what ids are where it enqueues jobs or takes requests, that all it names then
// has one spelling, and that nothing in it may say otherwise afterwards. A file of its own: it is said for good.
import { expect, test } from 'vitest'
import { tenantResolver } from '../../src/frameworks/resolve.js'
import { currentTenant, type TenantIdType, TenantPool, withTenant } from '../../src/index.js'
import { jobs, tenantPayload } from '../../src/jobs/index.js'

const refusal = expect.objectContaining({
  code: 'CONFIG.INVALID',
  hint: expect.stringContaining('tenantScope and jobs()'),
})
const scoped = (tenantId: TenantIdType) =>
  tenantResolver({ tenant: () => 'Acme', authorize: (_user, id) => id === 'Acme', tenantId })

test('jobs() and tenantScope() say it for scopes, payloads and each other, and a client agrees or is refused', async () => {
  await expect(withTenant('Acme', currentTenant)).rejects.toMatchObject({ code: 'TENANT.INVALID_ID' })
  const writer = jobs({ tenantId: 'text' })
  expect(await withTenant('Acme', () => writer.tenantPayload({}).tenancy.tenant)).toBe('Acme')
  expect(await withTenant('Acme', () => tenantPayload({}).tenancy.tenant)).toBe('Acme')
  expect(await scoped('text')({} as never, {})).toMatchObject({ scope: { tenant: 'Acme' } })

  expect(() => jobs({ tenantId: 'int' })).toThrow(refusal)
  expect(() => scoped('uuid')).toThrow(refusal)
  expect(() => new TenantPool()).toThrow(refusal)
  await new TenantPool({ tenantId: 'text' }).end()
  expect(await withTenant('Acme', currentTenant)).toBe('Acme')
  expect(() => new TenantPool({ tenantId: 'int' })).toThrow(refusal)
})

test('what is no type of id is refused and says nothing', async () => {
  for (const tenantId of ['slug', null, {}]) {
    expect(() => jobs({ tenantId: tenantId as never })).toThrow(expect.objectContaining({ code: 'CONFIG.INVALID' }))
    expect(() => scoped(tenantId as never)).toThrow(expect.objectContaining({ code: 'CONFIG.INVALID' }))
  }
  expect(await withTenant('Acme', currentTenant)).toBe('Acme')
})
