// Two companies on a database that was made from the schema, filled, and only then migrated; a client in front of it.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'

import { withTenant } from '../../src/context.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { readTables, type Table } from './catalog.js'
import { type AnyClient, clientClassOf } from './client.js'
import { keyOf, type Model, modelsOf } from './models.js'
import { checksums, differences, ownerOf, rowsOf } from './owner.js'
import { ddlWithView, readSchema, type SchemaFile } from './schema-files.js'
import { A, B, descendants, OWNERLESS, type Row, type Seeded, seedShared, seedTenant, type Tenant } from './seed.js'

/** What a generator makes of a schema: the schema that Prisma has afterwards, and the SQL that makes it true. */
export interface Migration {
  readonly files: readonly SchemaFile[]
  readonly sql: string
}

export interface World {
  readonly adminUrl: string
  /** A superuser's connections: what is really there. */
  readonly admin: pg.Pool
  readonly appUrl: string
  readonly migration: Migration
  readonly tables: readonly Table[]
  readonly models: readonly Model[]
  /** The client of the edited schema through the library, as the app role. */
  readonly prisma: AnyClient
  /** The same client without the library, as a superuser: the truth. */
  readonly truth: AnyClient
  readonly seeded: ReadonlyMap<string, Seeded>
  as<T>(tenant: Tenant, fn: () => Promise<T>): Promise<T>
  /** Runs `fn` in a transaction of the tenant's, and answers what it answers; nothing of it stays. */
  rolledBack<T>(tenant: Tenant, fn: (tx: AnyClient) => Promise<T>): Promise<T>
  /** A tenant's rows as the client has them, in the order in which they were made. */
  rows(model: Model, tenant: Tenant): Promise<Row[]>
  close(): Promise<void>
}

export { A, B }

/** The database before any migration: Prisma's own tables, rows of the companies in those that know a company. */
export async function databaseBefore({ alike = true, tenants = [A, B] } = {}): Promise<{
  database: TestDatabase
  seeded: Map<string, Seeded>
}> {
  const { createDatabase } = await startPostgres()
  const database = await createDatabase()
  await runSql(database.adminUrl, await ddlWithView(await readSchema()))
  const tables = await readTables(database.adminUrl)
  const shared = await seedShared(database.adminUrl, tables)
  const seeded = new Map(tenants.map((tenant) => [tenant.id, new Map(shared) as Seeded]))
  for (const tenant of tenants) {
    // Where nothing tells whose a row is, the configuration says A: B has none yet.
    const skip = tenant === A ? [] : descendants(tables, OWNERLESS)
    await seedTenant(database.adminUrl, tables, tenant, seeded.get(tenant.id) as Seeded, { skip, alike })
  }
  // A column that could be NULL, and was.
  await runSql(
    database.adminUrl,
    `UPDATE legacy_imports SET tenant_id = NULL WHERE tenant_id = '${A.id}' AND id % 2 = 0`,
  )
  return { database, seeded }
}

/** The same after `migrate`, with B's rows in the tables that could not have any before. */
export async function newWorld(
  migrate: (before: { url: string; files: readonly SchemaFile[]; tables: readonly Table[] }) => Promise<Migration>,
  { alike = true } = {},
): Promise<World> {
  const { database, seeded } = await databaseBefore({ alike })
  const { adminUrl } = database
  const migration = await migrate({ url: adminUrl, files: await readSchema(), tables: await readTables(adminUrl) })
  await runSql(adminUrl, migration.sql)
  const tables = await readTables(adminUrl)
  await seedTenant(adminUrl, tables, B, seeded.get(B.id) as Seeded, { alike })
  return openWorld(database, migration, seeded)
}

async function openWorld(
  database: TestDatabase,
  migration: Migration,
  seeded: ReadonlyMap<string, Seeded>,
): Promise<World> {
  const { adminUrl } = database
  const [tables, models, Client] = await Promise.all([
    readTables(adminUrl),
    modelsOf(migration.files),
    clientClassOf(migration.files),
  ])
  const appUrl = database.urlFor(ROLES.app, ROLES.app)
  const pool = new TenantPool({ connectionString: appUrl, max: 4 })
  const base = new Client({ adapter: new PrismaPg(pool) })
  const prisma = base.$extends(tenancy({ pool }))
  const admin = new pg.Pool({ connectionString: adminUrl, max: 2 })
  const truth = new Client({ adapter: new PrismaPg(admin) })
  const as: World['as'] = (tenant, fn) => withTenant(tenant.id, fn)

  return {
    adminUrl,
    admin,
    appUrl,
    migration,
    tables,
    models,
    prisma,
    truth,
    seeded,
    as,
    rolledBack: (tenant, fn) => as(tenant, () => rolledBack(prisma, fn)),
    rows: async (model, tenant) => {
      const table = tableOf(tables, model.table)
      const own = await rowsOf({ admin, tables }, table, tenant)
      const columns = model.key.map((field) => model.scalars.find(({ name }) => name === field)?.dbName ?? field)
      const order = new Map(own.map((row, i) => [keyOf(row, columns), i]))
      const all = (await truth[model.delegate]?.['findMany']?.()) as Row[]
      const place = (row: Row): number => order.get(keyOf(row, model.key)) ?? -1
      return all.filter((row) => place(row) >= 0).sort((a, b) => place(a) - place(b))
    },
    close: async () => {
      await Promise.all([base.$disconnect(), truth.$disconnect()])
      await Promise.all([pool.end(), admin.end()])
      await database.drop()
    },
  }
}

export function tableOf(tables: readonly Table[], name: string): Table {
  const found = tables.find((table) => table.name === name)
  if (!found) throw new Error(`There is no table ${name}.`)
  return found
}

export function modelOf(world: Pick<World, 'models'>, name: string): Model {
  const found = world.models.find((model) => model.name === name)
  if (!found) throw new Error(`There is no model ${name}.`)
  return found
}

/** Runs the attack as A and says what of B's, or of everybody's, it changed. */
export async function changedBy(world: World, attack: () => Promise<unknown>): Promise<string[]> {
  const before = await checksums(world.admin, world.tables, B)
  await attack().catch(() => undefined)
  return differences(before, await checksums(world.admin, world.tables, B))
}

/** Whether a model's rows belong to somebody. */
export function isOwned(world: Pick<World, 'tables'>, model: Model): boolean {
  const table = world.tables.find(({ name }) => name === model.table)
  return table !== undefined && ownerOf(world.tables, table) !== undefined
}

class RolledBack extends Error {}

export async function rolledBack<T>(client: AnyClient, fn: (tx: AnyClient) => Promise<T>): Promise<T> {
  let answer: T | undefined
  const transaction = client.$transaction(
    async (tx) => {
      answer = await fn(tx)
      throw new RolledBack()
    },
    { timeout: 20_000 },
  )
  await transaction.catch((error: unknown) => {
    if (!(error instanceof RolledBack)) throw error
  })
  return answer as T
}
