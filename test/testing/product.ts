// A small product of two tenants, protected by hand-written policies, and what a test calls its clients.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'

import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import type { SealOptions } from '../../src/seal.js'
import { addSealKey } from '../../src/seal-keys.js'
import { sealTenants, tenantPolicy } from '../../src/sql/index.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { ddlOf } from '../support/prisma-ddl.js'
import { ROLES } from '../support/template.js'
import { type AnyClient, clientClassOf } from '../thirty-models/client.js'
import { HandWrittenPool } from './hand-written-pool.js'

export const A = 'aaaaaaaa-0000-4000-8000-00000000000a'
export const B = 'bbbbbbbb-0000-4000-8000-00000000000b'

const OWN = `tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid`

/** What is done by hand after Prisma's own tables. */
export const PROTECTION = `
ALTER TABLE projects ADD CONSTRAINT span CHECK (ends > starts AND starts >= 2000), ADD CHECK (contact LIKE '%@%');
CREATE VIEW boards WITH (security_invoker = true) AS SELECT id, name, plan_code FROM projects;
${['projects', 'tasks']
  .map(
    (table) => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON ${table} USING (${OWN}) WITH CHECK (${OWN});`,
  )
  .join('\n')}
ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (EXISTS (SELECT FROM tasks WHERE tasks.id = notes.task_id));
INSERT INTO plans VALUES ('free'), ('paid');
GRANT SELECT ON plans, boards TO ${ROLES.app};
GRANT SELECT, INSERT, UPDATE, DELETE ON projects, tasks, notes TO ${ROLES.app};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${ROLES.app};`

async function files() {
  return [{ path: 'schema.prisma', text: await readFile(new URL('schema.prisma', import.meta.url), 'utf8') }]
}

export const clientClass = async () => clientClassOf(await files())
export const ddl = async () => ddlOf(await files())

export type Product = Awaited<ReturnType<typeof newProduct>>

/** A database of its own, in which the tables belong to the owner's role. */
export async function newProduct() {
  const [{ createDatabase }, Client, tables] = await Promise.all([startPostgres(), clientClass(), ddl()])
  const database = await createDatabase()
  await runSql(
    database.adminUrl,
    `ALTER DATABASE ${database.name} OWNER TO ${ROLES.owner}; GRANT CREATE, USAGE ON SCHEMA public TO ${ROLES.owner}`,
  )
  const ownerUrl = database.urlFor(ROLES.owner, ROLES.owner)
  const appUrl = database.urlFor(ROLES.app, ROLES.app)
  await runSql(ownerUrl, `${tables}\n${PROTECTION}`)
  const closing: (() => Promise<unknown>)[] = []
  const base = (adapter: PrismaPg): AnyClient => {
    const client = new Client({ adapter })
    closing.push(() => client.$disconnect())
    return client
  }
  const pool = (url = appUrl): pg.Pool => {
    const opened = new pg.Pool({ connectionString: url, max: 4 })
    closing.push(() => opened.end())
    return opened
  }
  return {
    ownerUrl,
    appUrl,
    adminUrl: database.adminUrl,
    /** As the owner. */
    sql: (text: string) => runSql(ownerUrl, text),
    admin: (text: string) => runSql(database.adminUrl, text),
    /** How many rows there are, asked as a superuser. */
    rows: async () => {
      const [row] = await runSql(
        database.adminUrl,
        'SELECT (SELECT count(*) FROM projects)::int AS projects, (SELECT count(*) FROM tasks)::int AS tasks, (SELECT count(*) FROM notes)::int AS notes',
      )
      return row
    },
    pool,
    base,
    /** The client of the library. */
    withLibrary(mode: 'pool' | 'portable' = 'pool', seal?: SealOptions): AnyClient {
      if (mode === 'portable') return base(new PrismaPg(pool())).$extends(tenancy({ seal }))
      const own = new TenantPool({ connectionString: appUrl, max: 4, seal })
      closing.push(() => own.end())
      return base(new PrismaPg(own)).$extends(tenancy({ pool: own }))
    },
    /** From here on the policies take a tenant's seal, not its id. The key that signs it. */
    async seal(): Promise<SealOptions> {
      const key = { keyId: 'k1', key: randomBytes(32) }
      await runSql(ownerUrl, sealTenants())
      const owner = new pg.Client({ connectionString: ownerUrl })
      await owner.connect()
      await addSealKey(owner, key).finally(() => owner.end())
      for (const table of ['projects', 'tasks'])
        await runSql(ownerUrl, `DROP POLICY own ON ${table}; ${tenantPolicy(table, { sealed: true })}`)
      return key
    },
    /** The extension of Prisma's documentation for row-level security: a transaction around every operation. */
    documented(url = appUrl, covers: 'everything' | 'models' = 'everything') {
      const client = base(new PrismaPg(pool(url)))
      const forTenant = (tenant: unknown) => {
        const around = async ({ args, query }: { args: unknown; query: (args: unknown) => Promise<unknown> }) => {
          const [, result] = await (client.$transaction as unknown as (list: unknown[]) => Promise<unknown[]>)([
            client.$executeRawUnsafe("SELECT set_config('app.tenant_id', $1, true)", tenant),
            query(args),
          ])
          return result
        }
        return client.$extends({
          query: covers === 'everything' ? { $allOperations: around } : { $allModels: { $allOperations: around } },
        })
      }
      const clients = new Map<unknown, AnyClient>()
      const clientOf = (tenant: unknown): AnyClient => {
        const known = clients.get(tenant) ?? forTenant(tenant)
        clients.set(tenant, known)
        return known
      }
      return {
        prisma: client,
        as: (tenant: unknown, fn: (client?: object) => Promise<unknown>) => fn(clientOf(tenant)),
      }
    },
    /** A client for each tenant, on pools that bind sessions; nobody's goes to the connections as they are. */
    handWritten(fault: boolean) {
      const lender = pool()
      const clients = new Map<unknown, AnyClient>()
      const clientOf = (tenant: unknown): AnyClient => {
        const known = clients.get(tenant) ?? base(new PrismaPg(new HandWrittenPool(lender, String(tenant), { fault })))
        clients.set(tenant, known)
        return known
      }
      const as = (tenant: unknown, fn: (client?: object) => Promise<unknown>) => fn(clientOf(tenant))
      return { prisma: base(new PrismaPg(lender)), as }
    },
    /** An adapter for a server that nobody runs. */
    unreachable: () => new PrismaPg(pool('postgresql://nobody@127.0.0.1:1/nothing')),
    close: async () => {
      await Promise.all(closing.splice(0).map((close) => close()))
      await database.drop()
    },
  }
}
