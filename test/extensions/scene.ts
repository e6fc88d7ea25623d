// Two tenants, and clients of one mode with another extension applied before ours or after.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, afterEach, beforeAll } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { type Mode, modes } from '../support/modes.js'

export const A = 'aaaaaaaa-0000-4000-8000-00000000000a'
export const B = 'bbbbbbbb-0000-4000-8000-00000000000b'

export interface Scene {
  readonly db: TenantDatabase
  readonly a: SeededTenant
  readonly b: SeededTenant
  /** A client that knows no tenants, and the extension that fits it. */
  base(mode: Mode): { base: PrismaClient; ours: ReturnType<typeof tenancy> }
  /** Bare Prisma with a login to which no row is hidden. */
  bare(): PrismaClient
}

export const orders = ['before', 'after'] as const
export type Order = (typeof orders)[number]
export const everyWay = modes.flatMap((mode) => orders.map((order) => ({ mode, order })))

/** Opened before the tests of the calling file; clients are closed after each. */
export function newScene(): () => Scene {
  let scene: Scene
  const closing: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    const db = await createTestDatabase()
    const [a, b] = await seedTenants(db, [A, B])
    const client = (pool: pg.Pool) => {
      const base = new PrismaClient({ adapter: new PrismaPg(pool) })
      closing.push(async () => {
        await base.$disconnect()
        await pool.end()
      })
      return base
    }
    scene = {
      db,
      a,
      b,
      base(mode) {
        if (mode === 'portable')
          return { base: client(new pg.Pool({ connectionString: db.appUrl, max: 3 })), ours: tenancy() }
        const pool = new TenantPool({ connectionString: db.appUrl, max: 3 })
        return { base: client(pool), ours: tenancy({ pool }) }
      },
      bare: () => client(new pg.Pool({ connectionString: db.adminUrl, max: 3 })),
    }
  })
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  afterAll(() => scene.db.drop())
  return () => scene
}
