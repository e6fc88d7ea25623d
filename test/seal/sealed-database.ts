// A database whose tenants are sealed, or the very same with plain policies: functions, keys and rows are there in both.
import { createHmac, randomBytes } from 'node:crypto'
import pg from 'pg'
import { addSealKey, retireSealKey } from '../../src/seal-keys.js'
import { sealTenants, tenantPolicy } from '../../src/sql/index.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import type { TestServer } from '../support/postgres.js'

/** The key that services sign with, one that was retired, and one that the database never saw. */
export const KEYS = {
  current: { keyId: 'k1', key: randomBytes(32) },
  retired: { keyId: 'k0', key: randomBytes(32) },
  unknown: { keyId: 'k9', key: randomBytes(32) },
} as const

export async function createSealedDatabase(
  { sealed = true }: { readonly sealed?: boolean } = {},
  server?: TestServer,
): Promise<TenantDatabase> {
  const db = await createTestDatabase(server)
  await asOwner(db, async (owner) => {
    await owner.query(sealTenants())
    await addSealKey(owner, KEYS.retired)
    await addSealKey(owner, KEYS.current)
    await retireSealKey(owner, KEYS.retired.keyId)
    if (sealed) await sealPolicies(owner, true)
  })
  return db
}

/** One transaction a table, as on a live database. */
export async function sealPolicies(owner: pg.Client, sealed: boolean): Promise<void> {
  for (const table of ['projects', 'tasks']) await owner.query(tenantPolicy(table, { sealed }))
}

export async function asOwner<T>(db: TenantDatabase, work: (owner: pg.Client) => Promise<T>): Promise<T> {
  const owner = new pg.Client({ connectionString: db.ownerUrl })
  await owner.connect()
  try {
    return await work(owner)
  } finally {
    await owner.end()
  }
}

/** A seal as the holder of a key writes it, written out here a second time: the library's must be the same. */
export function sealOf(
  tenant: string,
  {
    key = KEYS.current as { keyId: string; key: Buffer },
    expiresIn = 300,
    purpose = 'tenancy-seal-1 app.tenant_seal ',
    now = Date.now(),
  } = {},
): string {
  const signed = `.${Math.floor(now / 1000) + expiresIn}.${key.keyId}.${tenant}`
  return createHmac('sha256', key.key).update(`${purpose}${signed}`).digest('hex') + signed
}
