// What tenant ids are in a test's process, said as a service says it: by a pool. Nothing connects.
import { TenantPool } from '../../src/pool/tenant-pool.js'
import type { TenantIdType } from '../../src/tenant.js'

let saying: TenantPool | undefined

/** From now on tenant ids are of this type, whatever they were. */
export function idsAre(tenantId: TenantIdType): void {
  // Known no longer from this call on; that it has ended changes nothing.
  void saying?.end()
  saying = new TenantPool({ tenantId })
}
