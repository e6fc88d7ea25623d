// The two modes of the extension behind one door, so that one suite runs in both.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../generated/test/client.js'
import type { BindingOptions } from '../../src/binding.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool, type TenantPoolConfig } from '../../src/pool/tenant-pool.js'
import { NAMES_STATEMENTS } from './prisma-version.js'

export type Mode = 'pool' | 'portable'
export const modes: readonly Mode[] = ['pool', 'portable']

export interface ModeOptions {
  /** Connections at most. Default 5. */
  readonly max?: number
  readonly binding?: BindingOptions
  /** More for the pool beneath, in either mode. */
  readonly pool?: Omit<pg.PoolConfig, 'onConnect' | 'verify'>
  /** More for TenantPool alone. */
  readonly tenantPool?: TenantPoolConfig
  /** Gives every text a prepared statement of its own name. Throws where the adapter would ignore it. */
  readonly prepared?: boolean
  readonly client?: Omit<ConstructorParameters<typeof PrismaClient>[0], 'adapter' | 'accelerateUrl'>
}

/** The client's type, which is the same in both modes. */
export type TenantPrisma = Awaited<ReturnType<typeof openMode>>['prisma']

/** A client in this mode on this database, and the pool beneath it. */
export async function openMode(mode: Mode, url: string, options: ModeOptions = {}) {
  const { max = 5, binding = {}, pool: poolConfig = {}, tenantPool = {}, prepared = false, client = {} } = options
  if (prepared && !NAMES_STATEMENTS) throw new Error('This version of the adapter prepares nothing by name.')
  const config = { connectionString: url, max, ...poolConfig }
  const adapterOptions = prepared ? { statementNameGenerator: statementNames() } : {}
  if (mode === 'pool') {
    const pool = new TenantPool({ ...config, ...binding, ...tenantPool })
    const base = new PrismaClient({ ...client, adapter: new PrismaPg(pool, adapterOptions) })
    return {
      mode,
      base,
      prisma: base.$extends(tenancy({ pool })),
      pool: pool as pg.Pool,
      close: () => close(base, pool),
    }
  }
  const pool = new pg.Pool(config)
  const base = new PrismaClient({ ...client, adapter: new PrismaPg(pool, adapterOptions) })
  return { mode, base, prisma: base.$extends(tenancy(binding)), pool, close: () => close(base, pool) }
}

/**
 * What every idle connection of the pool still carries of a tenant: the settings' values in a statement that binds
 * nothing. Reaches past the pool's own methods, which would bind. Tests expect only empty values.
 */
export async function leftOnIdleConnections(
  pool: pg.Pool,
  settings: readonly string[] = ['app.tenant_id'],
): Promise<string[]> {
  const idle = (pool as unknown as { _idle: { client: pg.Client }[] })._idle.map(({ client }) => client)
  const left: string[] = []
  for (const client of idle) {
    for (const setting of settings) {
      const { rows } = await client.query('SELECT current_setting($1, true) AS value', [setting])
      left.push(rows[0]?.value ?? '')
    }
  }
  return left
}

async function close(base: { $disconnect(): Promise<void> }, pool: pg.Pool): Promise<void> {
  await base.$disconnect()
  await pool.end()
  // A pool has ended before its connections are closed, and who drops the database then may close them first.
  pool.on('error', () => {})
}

function statementNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const name = names.get(sql) ?? `s${names.size}`
    names.set(sql, name)
    return name
  }
}
