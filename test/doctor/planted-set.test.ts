// Proves that many faults do not hide each other: one database holds every one of the set below, each on an object of its
// own, and one run of the doctor finds all of them, and nothing else.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { type DoctorOptions, doctor, type Finding, rules } from '../../src/doctor/index.js'
import { protectTable, sealTenants } from '../../src/sql/index.js'
import { runSql, startPostgres, type TestDatabase, type TestServer } from '../support/postgres.js'
import { ownRows, tenant } from './planted-policies.js'
import { a, ownRole } from './world.js'

const [app, owner, migrator, strong, reporting] = ['app', 'owner', 'migrator', 'strong', 'reporting'].map((purpose) =>
  ownRole(`planted_${purpose}`),
) as [string, string, string, string, string]

/** Rules that cannot speak beside the others, each with the reason. rules.test.ts has a database for each. */
const apart: Record<string, string> = {
  'no-tenant-tables': 'There are tenant tables.',
  'server-outdated': 'It is about the release that the tests run on.',
  'plain-and-sealed-mixed': 'One sealed policy, and each plain one below would be a finding.',
  'sealed-without-index': 'The same.',
}

interface Planted {
  readonly rule: string
  readonly object: string
  /** Run as the owner of the tables, who is no superuser. */
  readonly sql: string
}

const grant = (table: string): string => `GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${app};`
/** A table without any protection but its index. */
const bare = (table: string, more = ''): string =>
  `CREATE TABLE ${table} (id uuid PRIMARY KEY, tenant_id uuid NOT NULL${more});
   CREATE INDEX ON ${table} (tenant_id, id); ${grant(table)}`
/** A table with row-level security on and forced, and this policy. */
const guarded = (table: string, policy: string, more = ''): string =>
  `${bare(table, more)} ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
   CREATE POLICY isolation ON ${table} ${policy};`
/** A table as it should be. */
const right = (table: string, more = ''): string => guarded(table, `USING (${ownRows})`, more)
/** As the superuser of the server. */
const above = (sql: string): string => `RESET ROLE; ${sql}`

const set: readonly Planted[] = [
  // Policies.
  { rule: 'rls-disabled', object: '"public"."forgotten"', sql: bare('forgotten') },
  { rule: 'rls-disabled', object: '"CRM"."Deal.s"', sql: bare('"CRM"."Deal.s"') },
  {
    rule: 'policies-without-rls',
    object: '"public"."switched_off"',
    sql: `${right('switched_off')} ALTER TABLE switched_off DISABLE ROW LEVEL SECURITY`,
  },
  {
    rule: 'rls-not-forced',
    object: '"public"."unforced"',
    sql: `${right('unforced')} ALTER TABLE unforced NO FORCE ROW LEVEL SECURITY`,
  },
  {
    rule: 'no-policy-for-app-role',
    object: '"public"."for_reports"',
    sql: guarded('for_reports', `TO ${reporting} USING (${ownRows})`),
  },
  {
    rule: 'policy-ignores-tenant',
    object: '"isolation" on "public"."all_true"',
    sql: guarded('all_true', 'USING (true)'),
  },
  {
    rule: 'policy-ignores-tenant',
    object: '"isolation" on "public"."by_state"',
    sql: guarded('by_state', 'USING (NOT hidden)', ', hidden boolean'),
  },
  {
    rule: 'policy-widened',
    object: '"support" on "public"."widened"',
    sql: `${right('widened')} CREATE POLICY support ON widened FOR SELECT USING (true)`,
  },
  {
    rule: 'policy-fails-open',
    object: '"isolation" on "public"."open_for_jobs"',
    sql: guarded('open_for_jobs', `USING (current_setting('app.tenant_id', true) IS NULL OR ${ownRows})`),
  },
  {
    rule: 'policy-fails-open',
    object: '"isolation" on "public"."falls_back"',
    sql: guarded('falls_back', `USING (tenant_id = coalesce(${tenant}, '${a}')::uuid)`),
  },
  {
    rule: 'policy-fails-open',
    object: '"isolation" on "public"."open_for_all"',
    sql: guarded('open_for_all', `USING (${ownRows} OR shared)`, ', shared boolean'),
  },
  {
    rule: 'with-check-weak',
    object: '"isolation" on "public"."forged"',
    sql: guarded('forged', `USING (${ownRows}) WITH CHECK (true)`),
  },
  {
    rule: 'policy-crashes-on-empty',
    object: '"isolation" on "public"."crashing"',
    sql: guarded('crashing', `USING (tenant_id = current_setting('app.tenant_id', true)::uuid)`),
  },
  {
    rule: 'tenant-type-mismatch',
    object: '"isolation" on "public"."mismatched"',
    sql: `CREATE TABLE mismatched (id uuid PRIMARY KEY, tenant_id integer NOT NULL); CREATE INDEX ON mismatched (tenant_id);
      ${grant('mismatched')} ALTER TABLE mismatched ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY isolation ON mismatched USING (tenant_id = ${tenant}::numeric)`,
  },
  {
    rule: 'tenant-column-wrapped',
    object: '"isolation" on "public"."wrapped"',
    sql: guarded('wrapped', `USING (tenant_id::text = ${tenant})`),
  },
  {
    rule: 'setting-has-default',
    object: `ROLE "${app}" IN DATABASE "{database}"`,
    sql: above(
      `DO $$ BEGIN EXECUTE format('ALTER ROLE ${app} IN DATABASE %I SET app.tenant_id = ''${a}''', current_database()); END $$`,
    ),
  },
  {
    rule: 'policy-opaque',
    object: '"isolation" on "public"."asks_a_function"',
    sql: `CREATE FUNCTION may_see(uuid) RETURNS boolean LANGUAGE sql STABLE RETURN $1 IS NOT NULL;
      ${guarded('asks_a_function', 'USING (may_see(tenant_id))')}`,
  },
  // Structure.
  {
    rule: 'child-unprotected',
    object: '"public"."comments"',
    sql: `CREATE TABLE comments (id uuid PRIMARY KEY, project_id uuid NOT NULL REFERENCES projects); ${grant('comments')}`,
  },
  {
    rule: 'tenant-column-nullable',
    object: '"public"."may_be_null"."tenant_id"',
    sql: `${right('may_be_null')} ALTER TABLE may_be_null ALTER COLUMN tenant_id DROP NOT NULL`,
  },
  {
    rule: 'tenant-index-missing',
    object: '"public"."slow"',
    sql: `${right('slow')} DROP INDEX slow_tenant_id_id_idx; CREATE INDEX ON slow (tenant_id) WHERE id IS NULL`,
  },
  {
    // Of several tables of this set: it is one finding for the database.
    rule: 'index-tells-values',
    object: 'DATABASE "{database}"',
    sql: `${right('wages', ', salary integer')} CREATE INDEX by_salary ON wages (salary)`,
  },
  {
    rule: 'unindexable-filter',
    object: '"public"."by_mood"',
    sql: `CREATE TYPE mood AS ENUM ('good', 'bad'); ${right('enums', ', mood mood')} CREATE INDEX by_mood ON enums (tenant_id, mood)`,
  },
  {
    rule: 'invalid-index',
    object: '"public"."interrupted"',
    sql: `${right('half_indexed', ', name text')} CREATE INDEX interrupted ON half_indexed (tenant_id, name);
      ${above("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'interrupted'::regclass")}`,
  },
  {
    rule: 'unvalidated-constraint',
    object: '"is_named" on "public"."never_checked"',
    sql: `${right('never_checked', ', name text')}
      ALTER TABLE never_checked ADD CONSTRAINT is_named CHECK (name <> '') NOT VALID`,
  },
  {
    rule: 'unique-without-tenant',
    object: '"users_email_key" on "public"."users"',
    sql: right('users', ', email text UNIQUE'),
  },
  {
    rule: 'unique-without-tenant',
    object: '"invoices_number_key" on "public"."invoices"',
    sql: right('invoices', ', number bigint GENERATED ALWAYS AS IDENTITY UNIQUE'),
  },
  {
    rule: 'foreign-key-without-tenant',
    object: '"hours_project_id_fkey" on "public"."hours"',
    sql: right('hours', ', project_id uuid REFERENCES projects'),
  },
  {
    rule: 'foreign-key-without-tenant',
    object: '"files_project_id_fkey" on "public"."files"',
    sql: right('files', ', project_id uuid REFERENCES projects ON DELETE CASCADE'),
  },
  {
    rule: 'partition-open',
    object: '"public"."events_2026"',
    sql: `CREATE TABLE events (tenant_id uuid NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
      CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
      ${protectTable('events', { indexes: [['at']] })} ${grant('events')} ${grant('events_2026')}`,
  },
  {
    rule: 'foreign-table',
    object: '"public"."elsewhere"',
    sql: above(`CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
      CREATE FOREIGN TABLE elsewhere (tenant_id uuid) SERVER files OPTIONS (filename '/dev/null'); ${grant('elsewhere')}`),
  },
  {
    rule: 'publication-unfiltered',
    object: '"to_partner"',
    sql: above('CREATE PUBLICATION to_partner FOR TABLE projects'),
  },
  // Roles and objects.
  { rule: 'app-role-bypasses-rls', object: `"${app}"`, sql: above(`ALTER ROLE ${app} REPLICATION`) },
  { rule: 'app-role-can-become', object: `"${strong}"`, sql: above(`GRANT ${strong} TO ${app}`) },
  {
    rule: 'app-role-owns',
    object: '"public"."owned"',
    sql: `${right('owned')} ${above(`ALTER TABLE owned OWNER TO ${app}`)}`,
  },
  {
    rule: 'view-without-invoker',
    object: '"public"."all_projects"',
    sql: above(`CREATE VIEW all_projects AS SELECT * FROM projects; GRANT SELECT ON all_projects TO ${app}`),
  },
  {
    rule: 'materialized-view',
    object: '"public"."project_totals"',
    sql: above(`CREATE MATERIALIZED VIEW project_totals AS SELECT tenant_id, count(*) FROM projects GROUP BY 1;
      GRANT SELECT ON project_totals TO ${app}`),
  },
  {
    rule: 'definer-function',
    object: '"public"."search"(name text)',
    sql: above(`CREATE FUNCTION search(name text) RETURNS SETOF projects LANGUAGE sql SECURITY DEFINER
      AS 'SELECT * FROM public.projects'`),
  },
  {
    rule: 'leakproof-function',
    object: '"public"."peek"(text)',
    sql: above('CREATE FUNCTION peek(text) RETURNS boolean LANGUAGE sql LEAKPROOF RETURN $1 IS NOT NULL'),
  },
  {
    rule: 'dangerous-grant',
    object: '"public"."emptied"',
    sql: `${right('emptied')} GRANT TRUNCATE ON emptied TO ${app}`,
  },
  {
    rule: 'dangerous-grant',
    object: '"public"."triggered"',
    sql: `${right('triggered')} GRANT TRIGGER, REFERENCES ON triggered TO ${app}`,
  },
  {
    rule: 'public-grant',
    object: '"public"."everybodys"',
    sql: `${right('everybodys')} GRANT SELECT ON everybodys TO PUBLIC`,
  },
  {
    rule: 'default-privileges',
    object: `DEFAULT PRIVILEGES FOR ROLE "${owner}" IN SCHEMA "public" ON TABLES`,
    sql: `ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC`,
  },
  { rule: 'schema-create', object: 'SCHEMA "public"', sql: above(`GRANT CREATE ON SCHEMA public TO ${app}`) },
  // As PostgreSQL makes every database.
  { rule: 'temp-on-database', object: 'DATABASE "{database}"', sql: '' },
  {
    rule: 'seal-key-readable',
    object: '"tenancy"."seal_keys"',
    sql: above(`${sealTenants()} GRANT USAGE ON SCHEMA tenancy TO ${app}; GRANT SELECT ON tenancy.seal_keys TO ${app}`),
  },
  { rule: 'migration-login-blind', object: `"${migrator}"`, sql: above(`GRANT ${owner} TO ${migrator}`) },
  { rule: 'pooler-leaks-settings', object: 'CONNECTION POOLER', sql: '' },
  { rule: 'policy-drift', object: '"archive"."never_migrated"', sql: '' },
]

const options: DoctorOptions = {
  appRole: app,
  trustedRoles: [migrator],
  poolerProbe: { leaked: true, attempts: 3 },
  expected: { tables: [{ schema: 'archive', table: 'never_migrated', kind: 'shared' }] },
}

let server: TestServer
let database: TestDatabase
let findings: readonly Finding[]
beforeAll(async () => {
  server = await startPostgres()
  database = await server.createDatabase()
  await runSql(
    database.adminUrl,
    `CREATE ROLE ${owner}; CREATE ROLE ${app}; CREATE ROLE ${migrator} LOGIN; CREATE ROLE ${strong} BYPASSRLS;
     CREATE ROLE ${reporting}; CREATE SCHEMA "CRM"; GRANT USAGE ON SCHEMA "CRM" TO ${app};
     GRANT USAGE, CREATE ON SCHEMA public, "CRM" TO ${owner}; SET ROLE ${owner}; ${right('projects')}`,
  )
  for (const { sql } of set) await runSql(database.adminUrl, `SET ROLE ${owner}; ${sql}`)
  findings = await examine()
}, 120_000)
afterAll(async () => {
  await database?.drop()
  if (server)
    await runSql(server.adminUrl, `DROP ROLE IF EXISTS ${[app, owner, migrator, strong, reporting].join(', ')}`)
  await server?.stop()
})

test('the set has at least 35 faults, of every rule that can speak beside the others', () => {
  expect(set.length).toBeGreaterThanOrEqual(35)
  const planted = new Set(set.map(({ rule }) => rule))
  expect(rules.map(({ id }) => id).filter((id) => !planted.has(id) && !(id in apart))).toEqual([])
})

test.each(set)('$rule: $object', ({ rule, object }) => {
  expect(findings.filter((finding) => finding.rule === rule).map((finding) => finding.object)).toContain(here(object))
})

test('nothing else is found', () => {
  const found = findings.filter(({ rule }) => rule !== 'server-outdated').map(nameOf)
  expect(found.sort()).toEqual(set.map(({ rule, object }) => nameOf({ rule, object: here(object) })).sort())
})

async function examine(): Promise<readonly Finding[]> {
  const client = new pg.Client({ connectionString: database.adminUrl })
  await client.connect()
  try {
    return (await doctor(client, options)).findings
  } finally {
    await client.end()
  }
}

const here = (object: string): string => object.replace('{database}', database.name)
const nameOf = ({ rule, object }: Pick<Finding, 'rule' | 'object'>): string => `${rule}: ${object}`
