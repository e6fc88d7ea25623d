// A client in either mode whose database lets it read across tenants, audited.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../generated/test/client.js'
import type { AcrossOptions } from '../../src/across/access.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { acrossTenantsAudit } from '../../src/sql/index.js'
import { createTestDatabase, rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'
import type { Mode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ROLES } from '../support/template.js'

export async function createAuditedDatabase(): Promise<TenantDatabase> {
  const db = await createTestDatabase()
  await runSql(db.adminUrl, `ALTER DATABASE ${db.name} OWNER TO ${ROLES.owner}`)
  await runSql(db.ownerUrl, acrossTenantsAudit({ app: ROLES.app }))
  return db
}

export interface AuditRow extends pg.QueryResultRow {
  readonly id: string
  readonly reason: string
  readonly caller: string | null
  readonly may_write: boolean
  readonly finished: boolean
  readonly outcome: string | null
  readonly statements: number | null
}

export const auditOf = (db: TenantDatabase, reason: string): Promise<AuditRow[]> =>
  rowsSeenBySuperuser<AuditRow>(
    db,
    'SELECT *, finished_at IS NOT NULL AS finished FROM tenancy.across_tenants WHERE reason = $1',
    [reason],
  )

export function openAcross(
  mode: Mode,
  { appUrl, bypassUrl }: Pick<TenantDatabase, 'appUrl' | 'bypassUrl'>,
  options: AcrossOptions = { audit: true },
) {
  if (mode === 'pool') {
    const pool = new TenantPool({
      connectionString: appUrl,
      max: 4,
      acrossTenants: { connectionString: bypassUrl, max: 2, ...options },
    })
    const base = new PrismaClient({ adapter: new PrismaPg(pool) })
    const close = async () => {
      await base.$disconnect()
      await pool.end()
      // A pool has ended before its connections are closed, and who drops the database then may close them first.
      pool.on('error', () => {})
    }
    return { prisma: base.$extends(tenancy({ pool })), pool: pool as pg.Pool, close }
  }
  const pool = new pg.Pool({ connectionString: appUrl, max: 4 })
  const base = new PrismaClient({ adapter: new PrismaPg(pool) })
  const adapter = new PrismaPg({ connectionString: bypassUrl, max: 2 })
  const close = async () => {
    await base.$disconnect()
    await pool.end()
  }
  return { prisma: base.$extends(tenancy({ acrossTenants: { adapter, ...options } })), pool, close }
}
