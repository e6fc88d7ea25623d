// Proves on PostgreSQL 15 and 18 that each function of /sql changes the catalog, changes nothing when it runs again, and
// that its reverse leaves the catalog as it was before.
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as sql from '../../src/sql/index.js'
import { startPostgres } from '../support/postgres.js'
import { catalogOf } from './catalog.js'

type Texts = string | readonly string[]

interface Case {
  readonly does: string
  /** What has to be there already. */
  readonly given?: string
  readonly apply: Texts
  readonly reverse: Texts
  /** Another way to the same end, as a list of statements for a live database. */
  readonly online?: readonly string[]
}

const projects = { schema: 'public', table: 'projects' }
const toProject = { columns: ['project_id'], references: { table: 'projects', columns: ['id'] } }
const tenantColumns = sql.tenantColumn('projects') + sql.tenantColumn('tasks')
const required = tenantColumns + sql.requireTenant('projects') + sql.requireTenant('tasks')
const referable = required + sql.tenantUnique('projects', { columns: ['id'] })
const parents: sql.ParentPath[] = [
  { keys: [['project_id', 'id']], required: true, table: 'projects', column: 'tenant_id' },
  { keys: [['label', 'code']], required: false, table: 'labels', column: 'tenant_id' },
]
const names = { app: 'reverse app', migrator: 'reverse migrator', bypass: 'reverse bypass', owner: 'reverse owner' }

const cases: Case[] = [
  ...(['uuid', 'int', 'bigint', 'text'] as const).map((type) => ({
    does: `tenantColumn of type ${type}`,
    apply: sql.tenantColumn('projects', { type, column: 'Org' }),
    reverse: sql.dropTenantColumn('projects', { column: 'Org' }),
  })),
  {
    does: 'tenantDefault',
    given: 'ALTER TABLE projects ADD tenant_id uuid',
    apply: sql.tenantDefault('projects'),
    reverse: sql.dropTenantDefault('projects'),
  },
  {
    does: 'tenantColumn where the column is there',
    given: 'ALTER TABLE projects ADD tenant_id uuid',
    apply: sql.tenantColumn('projects'),
    reverse: sql.dropTenantDefault('projects'),
  },
  {
    does: 'requireTenant',
    given: tenantColumns,
    apply: sql.requireTenant('projects'),
    online: sql.requireTenantOnline('projects'),
    reverse: sql.allowNoTenant('projects'),
  },
  {
    does: 'tenantPolicy',
    given: tenantColumns,
    apply: sql.tenantPolicy(projects, { type: 'uuid' }),
    reverse: sql.dropTenantPolicy(projects),
  },
  {
    does: 'parentPolicy',
    given: tenantColumns + sql.tenantColumn('labels'),
    apply: sql.parentPolicy('tasks', { parents, name: 'own' }),
    reverse: sql.dropTenantPolicy('tasks', { name: 'own' }),
  },
  {
    does: 'parentPolicy of an implicit many-to-many table',
    given: tenantColumns + sql.tenantColumn('labels'),
    apply: sql.parentPolicy('_LabelToTask', {
      parents: [
        { keys: [['A', 'code']], required: true, table: 'labels', column: 'tenant_id' },
        { keys: [['B', 'id']], required: true, table: 'tasks', parents },
      ],
    }),
    reverse: sql.dropTenantPolicy('_LabelToTask'),
  },
  {
    does: 'enableRowLevelSecurity',
    apply: sql.enableRowLevelSecurity('projects'),
    reverse: sql.disableRowLevelSecurity('projects'),
  },
  {
    does: 'tenantIndexes',
    given: tenantColumns,
    apply: sql.tenantIndexes(projects, { indexes: [['id'], { columns: ['created_at'], name: 'By time' }] }),
    reverse: sql.dropTenantIndexes(projects, { indexes: [['id'], { columns: ['created_at'], name: 'By time' }] }),
  },
  {
    does: 'protectTable',
    given: tenantColumns,
    apply: sql.protectTable('projects', { indexes: [['id'], ['created_at']] }),
    reverse: sql.unprotectTable('projects', { indexes: [['id'], ['created_at']] }),
  },
  {
    does: 'tenantUnique',
    given: tenantColumns,
    apply: sql.tenantUnique('projects', { columns: ['name'] }),
    online: [sql.tenantUnique('projects', { columns: ['name'], concurrently: true })],
    reverse: sql.dropIndex('projects', { name: 'projects_tenant_id_name_key' }),
  },
  {
    does: 'tenantUnique, dropped concurrently',
    given: tenantColumns,
    apply: sql.tenantUnique(projects, { columns: ['name'], name: 'Names' }),
    reverse: [sql.dropIndex(projects, { name: 'Names', concurrently: true })],
  },
  {
    does: 'dropUnique of an index',
    apply: sql.dropUnique('projects', { name: 'projects_name_key' }),
    online: [sql.dropUnique('projects', { name: 'projects_name_key', concurrently: true })],
    reverse: sql.restoreUnique('projects', { name: 'projects_name_key', columns: ['name'] }),
  },
  {
    does: 'dropUnique of a constraint',
    apply: sql.dropUnique('labels', { name: 'labels_title_key', constraint: true }),
    reverse: sql.restoreUnique('labels', { name: 'labels_title_key', columns: ['title'], constraint: true }),
  },
  {
    does: 'tenantPrimaryKey',
    given: `ALTER TABLE tasks DROP CONSTRAINT tasks_label_fkey; ALTER TABLE "_LabelToTask" DROP CONSTRAINT "_LabelToTask_A_fkey";
      ${sql.tenantColumn('labels')}${sql.requireTenant('labels')}`,
    apply: sql.tenantPrimaryKey('labels', { columns: ['code'] }),
    online: sql.tenantPrimaryKeyOnline('labels', { columns: ['code'] }),
    reverse: sql.restorePrimaryKey('labels', { columns: ['code'] }),
  },
  ...([undefined, 'RESTRICT', 'CASCADE', 'SET NULL', 'SET DEFAULT', 'NO ACTION'] as const).map((onDelete) => ({
    does: `tenantForeignKey with ${onDelete}`,
    given: referable,
    apply: sql.tenantForeignKey('tasks', { ...toProject, onDelete, onUpdate: 'CASCADE' }),
    online: sql.tenantForeignKeyOnline('tasks', { ...toProject, onDelete, onUpdate: 'CASCADE' }),
    reverse: sql.dropForeignKey('tasks', { name: 'tasks_tenant_id_project_id_fkey' }),
  })),
  {
    does: 'dropForeignKey',
    apply: sql.dropForeignKey('tasks', { name: 'tasks_project_id_fkey' }),
    reverse: sql.restoreForeignKey('tasks', { ...toProject, onDelete: 'CASCADE', onUpdate: 'CASCADE' }),
  },
  { does: 'keepTenant', given: tenantColumns, apply: sql.keepTenant('tasks'), reverse: sql.dropKeepTenant('tasks') },
  {
    does: 'keepTenant, while another table has it',
    given: tenantColumns + sql.keepTenant('projects'),
    apply: sql.keepTenant(projects, { name: 'again' }) + sql.keepTenant('tasks'),
    reverse: sql.dropKeepTenant('tasks') + sql.dropKeepTenant(projects, { name: 'again' }),
  },
  {
    does: 'keepTenant, while something else is in the schema',
    given: `${tenantColumns} CREATE SCHEMA tenancy; CREATE TABLE tenancy.other ()`,
    apply: sql.keepTenant('tasks'),
    reverse: sql.dropKeepTenant('tasks'),
  },
  {
    does: 'sharedTable',
    given: 'GRANT SELECT, INSERT, UPDATE, DELETE ON labels TO "reverse owner"',
    apply: sql.sharedTable('labels', { app: 'reverse owner' }),
    reverse: sql.unshareTable('labels', { app: 'reverse owner' }),
  },
  {
    does: 'acrossTenantsAudit',
    apply: sql.acrossTenantsAudit({ app: 'reverse owner', table: 'uses' }),
    reverse: sql.dropAcrossTenantsAudit({ app: 'reverse owner', table: 'uses' }),
  },
  {
    does: 'acrossTenantsAudit in the schema of its own',
    apply: sql.acrossTenantsAudit({ app: 'reverse owner' }),
    reverse: sql.dropAcrossTenantsAudit({ app: 'reverse owner' }),
  },
  {
    does: 'migratorPolicy',
    apply: sql.migratorPolicy('projects', { migrator: 'reverse owner' }),
    reverse: sql.dropMigratorPolicy('projects'),
  },
  {
    does: 'tenantRoles of the role that runs it',
    apply: sql.tenantRoles({ app: names.app, migrator: names.migrator, bypass: names.bypass }),
    reverse: sql.dropTenantRoles({ app: names.app, migrator: names.migrator, bypass: names.bypass }),
  },
  {
    does: 'tenantRoles with an owner, in two schemas',
    given: 'CREATE TABLE _prisma_migrations ()',
    apply: sql.tenantRoles({ ...names, schemas: ['public', 'Other'], password: 'x', shared: ['labels'] }),
    reverse: sql.dropTenantRoles({ ...names, schemas: ['public', 'Other'] }),
  },
  {
    does: 'tenantRoles of a migrator that owns the tables, which was there before',
    given: 'ALTER ROLE "reverse owner" BYPASSRLS',
    apply: sql.tenantRoles({ app: names.app, owner: names.owner, migrator: names.owner }),
    reverse: sql.dropTenantRoles({ app: names.app, owner: names.owner, migrator: names.owner }),
  },
  {
    does: 'tenantRoles without BYPASSRLS',
    apply: sql.tenantRoles({ app: names.app, migrator: names.migrator, bypass: names.bypass, bypassRls: false }),
    reverse: sql.dropTenantRoles({ app: names.app, migrator: names.migrator, bypass: names.bypass }),
  },
]

const fixture = `
  CREATE TABLE projects (id uuid PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
  CREATE UNIQUE INDEX projects_name_key ON projects (name);
  CREATE TABLE labels (code text PRIMARY KEY, title text CONSTRAINT labels_title_key UNIQUE);
  CREATE TABLE tasks (id serial PRIMARY KEY, label text REFERENCES labels,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE ON UPDATE CASCADE);
  CREATE TABLE "_LabelToTask" ("A" text REFERENCES labels, "B" int REFERENCES tasks, PRIMARY KEY ("A", "B"));
  CREATE SCHEMA "Other";
  CREATE TABLE "Other".notes (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY);
  CREATE VIEW open AS SELECT id FROM projects;
`

describe.each([15, 18] as const)('on PostgreSQL %i', (major) => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let template: Awaited<ReturnType<typeof server.createDatabase>>

  beforeAll(async () => {
    server = await startPostgres({ major })
    template = await server.createDatabase()
    const admin = await connect(template.adminUrl)
    await admin.query(fixture)
    await admin.end()
  })

  afterAll(async () => {
    await template?.drop()
    await server?.stop()
  })

  test.each(cases)('$does: applied twice and reversed twice', async ({ given, apply, reverse, online }) => {
    const database = await server.createDatabase({ template: template.name })
    const admin = await connect(database.adminUrl)
    try {
      await admin.query('CREATE ROLE "reverse owner"')
      if (given !== undefined) await admin.query(given)
      const before = await catalogOf(admin, 'reverse %')
      let applied: string[] | undefined
      for (const way of online === undefined ? [apply] : [apply, online]) {
        for (let run = 0; run < 2; run++) {
          await send(admin, way)
          applied ??= await catalogOf(admin, 'reverse %')
          expect(await catalogOf(admin, 'reverse %')).toEqual(applied)
          expect(applied).not.toEqual(before)
        }
        for (let run = 0; run < 2; run++) {
          await send(admin, reverse)
          expect(await catalogOf(admin, 'reverse %')).toEqual(before)
        }
      }
    } finally {
      await admin.query('DROP OWNED BY "reverse owner"').catch(() => {})
      await admin.query('DROP ROLE IF EXISTS "reverse owner"')
      await admin.end()
      await database.drop()
    }
  })

  test('a role that another database still uses stays there and loses what it had here', async () => {
    const here = await server.createDatabase({ template: template.name })
    const there = await server.createDatabase({ template: template.name })
    const [admin, other] = [await connect(here.adminUrl), await connect(there.adminUrl)]
    try {
      await other.query('CREATE ROLE "reverse owner"')
      const roles = { app: names.app, migrator: names.migrator, bypass: names.bypass }
      await other.query(sql.tenantRoles(roles))
      const [before, elsewhere] = [await catalogOf(admin, '-'), await catalogOf(other, 'reverse %')]
      await admin.query(sql.tenantRoles(roles))
      await admin.query(sql.dropTenantRoles(roles))
      expect(await catalogOf(admin, '-')).toEqual(before)
      expect(await catalogOf(other, 'reverse %')).toEqual(elsewhere)
      await other.query(sql.dropTenantRoles(roles))
      expect((await other.query("SELECT rolname FROM pg_roles WHERE rolname LIKE 'reverse %'")).rows).toEqual([
        { rolname: 'reverse owner' },
      ])
    } finally {
      await other.query('DROP ROLE IF EXISTS "reverse owner"')
      await Promise.all([admin.end(), other.end()])
      await Promise.all([here.drop(), there.drop()])
    }
  })

  test('a role that was there before stays, without rights here', async () => {
    const database = await server.createDatabase({ template: template.name })
    const admin = await connect(database.adminUrl)
    try {
      await admin.query('CREATE ROLE "reverse app" LOGIN')
      const before = await catalogOf(admin, 'reverse %')
      await admin.query(sql.tenantRoles({ app: names.app }))
      await admin.query(sql.dropTenantRoles({ app: names.app }))
      expect(await catalogOf(admin, 'reverse %')).toEqual(before)
    } finally {
      await admin.query('DROP ROLE "reverse app"')
      await admin.end()
      await database.drop()
    }
  })
})

/** A text as one simple query, which is one transaction; a list statement by statement. */
async function send(client: Client, texts: Texts): Promise<void> {
  for (const text of typeof texts === 'string' ? [texts] : texts) await client.query(text)
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  await client.connect()
  return client
}

test('the catalog query notices what a reverse could leave behind', async () => {
  const server = await startPostgres()
  const database = await server.createDatabase()
  const admin = await connect(database.adminUrl)
  await admin.query('CREATE ROLE "catalog role"; CREATE TABLE t (id serial PRIMARY KEY, a int, b text)')
  const leftovers = [
    'ALTER TABLE t ALTER a SET NOT NULL',
    'ALTER TABLE t ALTER a SET DEFAULT 1',
    'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID',
    'ALTER TABLE t VALIDATE CONSTRAINT c',
    'CREATE INDEX i ON t (b)',
    'CREATE POLICY p ON t USING (true)',
    'ALTER POLICY p ON t TO "catalog role"',
    'ALTER TABLE t ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE t FORCE ROW LEVEL SECURITY',
    'CREATE TRIGGER g BEFORE UPDATE ON t EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    'REVOKE ALL ON FUNCTION f() FROM PUBLIC',
    'REVOKE ALL ON FUNCTION pg_stat_get_numscans(oid) FROM PUBLIC',
    'CREATE SCHEMA s',
    'GRANT USAGE ON SCHEMA s TO "catalog role"',
    'GRANT SELECT ON t TO "catalog role"',
    'GRANT UPDATE (b) ON t TO "catalog role"',
    'GRANT USAGE ON SEQUENCE t_id_seq TO "catalog role"',
    `REVOKE TEMPORARY ON DATABASE ${database.name} FROM PUBLIC`,
    'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO "catalog role"',
    'ALTER ROLE "catalog role" BYPASSRLS',
    `ALTER ROLE "catalog role" IN DATABASE ${database.name} SET work_mem = '1MB'`,
    'GRANT pg_monitor TO "catalog role"',
    'COMMENT ON ROLE "catalog role" IS \'x\'',
  ]
  try {
    const seen = [await catalogOf(admin, 'catalog %')]
    for (const statement of leftovers) {
      await admin.query(statement)
      const now = await catalogOf(admin, 'catalog %')
      expect(now, statement).not.toEqual(seen.at(-1))
      seen.push(now)
    }
    await admin.query('ALTER TABLE t ADD gone int; ALTER TABLE t DROP gone')
    expect(await catalogOf(admin, 'catalog %')).toEqual(seen.at(-1))
  } finally {
    await admin.query('DROP OWNED BY "catalog role"; DROP ROLE "catalog role"')
    await admin.end()
    await database.drop()
    await server.stop()
  }
})
