// Who is measured. Each has a PrismaClient, a pool and a database of its own; all pools are of one size.
import type { AsyncLocalStorage } from 'node:async_hooks'

import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { TenantPool, tenancy, withTenant } from 'prisma-extension-tenancy'

import { PrismaClient } from '../generated/test/client.js'
import { SEAL, type Tenant } from './databases.js'
import { documentedBatch, documentedInteractive, setTenant } from './documented-extension.js'
import type { Statement, Turn } from './operations.js'
import type { Statements } from './options.js'

export const contestantNames = [
  'bare',
  'documentedBatch',
  'documentedInteractive',
  'portable',
  'pool',
  'sealed',
] as const
export type ContestantName = (typeof contestantNames)[number]

export interface Contestant {
  readonly name: ContestantName
  /** Called before each measurement. */
  prepare(): void
  /** One go of one tenant. What a tenant needs is made before the measurement, or inside where a request would make it. */
  turn(tenant: Tenant, n: number, operation: (turn: Turn) => Promise<unknown>): Promise<unknown>
  stop(): Promise<void>
}

export const POOL_SIZE = 16
const ours = new Set<ContestantName>(['portable', 'pool', 'sealed'])

export function openContestant(name: ContestantName, url: string, statements: Statements): Contestant {
  // 0: a connection that waited for its turn is still there.
  const config = { connectionString: url, max: POOL_SIZE, idleTimeoutMillis: 0 }
  const pool = openPool(name, config)
  const client = new PrismaClient({ adapter: new PrismaPg(pool, statements === 'prepared' ? naming() : {}) })
  const stop = async (): Promise<void> => {
    await client.$disconnect()
    await pool.end()
  }
  const prepare = ours.has(name) ? () => {} : forgetScopes
  return { name, prepare, stop, turn: turnOf(name, client, pool) }
}

function openPool(name: ContestantName, config: pg.PoolConfig): pg.Pool {
  if (name === 'sealed') return new TenantPool({ ...config, seal: SEAL })
  return name === 'pool' ? new TenantPool(config) : new pg.Pool(config)
}

function turnOf(name: ContestantName, client: PrismaClient, pool: pg.Pool): Contestant['turn'] {
  switch (name) {
    case 'bare':
      return (tenant, n, operation) =>
        operation({ client, tenant, n, own: { tenantId: tenant.id }, inTransaction: interactive(client) })
    case 'documentedBatch': {
      const clientOf = perTenant((id) => documentedBatch(client, id))
      return (tenant, n, operation) => {
        const inTransaction = (statements: readonly Statement[]) =>
          client.$transaction([setTenant(client, tenant.id), ...statements.map((statement) => statement(client))])
        return operation({ client: clientOf(tenant.id), tenant, n, own: {}, inTransaction })
      }
    }
    case 'documentedInteractive': {
      const clientOf = perTenant((id) => documentedInteractive(client, id))
      return (tenant, n, operation) => {
        const inTransaction = interactive(client, tenant.id)
        return operation({ client: clientOf(tenant.id), tenant, n, own: {}, inTransaction })
      }
    }
    case 'portable':
    case 'pool':
    case 'sealed': {
      const options = pool instanceof TenantPool ? { pool } : {}
      const scoped = client.$extends(tenancy(options)) as unknown as PrismaClient
      const inTransaction = interactive(scoped)
      // A scope for every single operation: what a request costs that asks one question.
      return (tenant, n, operation) =>
        withTenant(tenant.id, () => operation({ client: scoped, tenant, n, own: {}, inTransaction }))
    }
  }
}

function interactive(client: PrismaClient, tenantToSet?: string): Turn['inTransaction'] {
  return (statements) =>
    client.$transaction(async (tx) => {
      if (tenantToSet !== undefined) await setTenant(tx, tenantToSet)
      const results: unknown[] = []
      for (const statement of statements) results.push(await statement(tx))
      return results
    })
}

/** The documented extension makes a client per request; here one per tenant, in its favour. */
function perTenant(make: (id: string) => PrismaClient): (id: string) => PrismaClient {
  const made = new Map<string, PrismaClient>()
  return (id) => {
    const client = made.get(id) ?? make(id)
    made.set(id, client)
    return client
  }
}

/**
 * Before Node 24, an AsyncLocalStorage that was used once slows down every promise of the process, until it is disabled:
 * 2 to 4 % of a query. That is a cost of this library, and those who do not use it must not pay it here.
 */
function forgetScopes(): void {
  const shared = globalThis as { [key: symbol]: AsyncLocalStorage<unknown> | undefined }
  const storage = shared[Symbol.for('prisma-extension-tenancy.scopes')]
  if (storage === undefined) throw new Error('The library keeps its scopes somewhere else: tell forgetScopes.')
  storage.disable()
}

/** Prepared statements: one name for each text. */
function naming(): { statementNameGenerator: (query: { sql: string }) => string } {
  const names = new Map<string, string>()
  return {
    statementNameGenerator({ sql }) {
      const name = names.get(sql) ?? `bench_${names.size}`
      names.set(sql, name)
      return name
    },
  }
}
