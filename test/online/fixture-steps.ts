// What `tenancy migration` would write for companies, projects and tasks, by hand: the column from the parent, composite
// foreign key, indexes, policies, in the order of the phases.
import type { OnlineAction, Step } from '../../src/migration/step.js'
import { backfillTenant, backfillValue } from '../../src/sql/backfill.js'
import {
  dropForeignKey,
  restoreForeignKey,
  tenantForeignKey,
  tenantForeignKeyOnline,
} from '../../src/sql/foreign-key.js'
import { dropIndex, tenantIndexes } from '../../src/sql/indexes.js'
import {
  disableRowLevelSecurity,
  dropTenantPolicy,
  enableRowLevelSecurity,
  tenantPolicy,
} from '../../src/sql/policies.js'
import { quoteTable, type TableName } from '../../src/sql/quote.js'
import {
  allowNoTenant,
  dropTenantColumn,
  requireTenant,
  requireTenantOnline,
  tenantColumn,
} from '../../src/sql/tenant-column.js'
import { tenantUnique } from '../../src/sql/unique.js'

const companies = { schema: 'public', table: 'companies' }
const projects = { schema: 'public', table: 'projects' }
const tasks = { schema: 'public', table: 'tasks' }

const transaction = (sql: string): OnlineAction => ({ kind: 'transaction', sql })
const statement = (sql: string): OnlineAction => ({ kind: 'statement', sql })
const regclass = (table: TableName): string => `to_regclass('${quoteTable(table)}')`

type Named = { schema: string; table: string }

const column = (table: Named): Step => ({
  key: `column ${quoteTable(table)}`,
  title: `Tenant column of ${table.table}`,
  table,
  sql: tenantColumn(table),
  down: dropTenantColumn(table),
  done: `EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${regclass(table)} AND attname = 'tenant_id' AND atthasdef)`,
})

function filled(table: Named, from: Parameters<typeof backfillValue>[0]['from']): Step {
  return {
    key: `backfill ${quoteTable(table)}`,
    title: `Tenants of the rows of ${table.table}`,
    table,
    sql: backfillTenant(table, { from }),
    down: '',
    done: notNull(table),
    online: [{ kind: 'backfill', table, column: 'tenant_id', key: ['id'], value: backfillValue({ from }) }],
  }
}

function notNull(table: Named): string {
  return `EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${regclass(table)} AND attname = 'tenant_id' AND attnotnull)`
}

function required(table: Named): Step {
  const [add = '', validate = '', set = '', drop = ''] = requireTenantOnline(table)
  return {
    key: `required ${quoteTable(table)}`,
    title: `Every row of ${table.table} has a tenant`,
    table,
    sql: requireTenant(table),
    down: allowNoTenant(table),
    done: `${notNull(table)} AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(table)} AND contype = 'c')`,
    online: [transaction(add), statement(validate), transaction(set), transaction(drop)],
  }
}

function index(table: Named, name: string, sql: (concurrently: boolean) => string): Step {
  return {
    key: `index "${name}"`,
    title: `Index ${name}`,
    table,
    sql: sql(false),
    down: dropIndex(table, { name }),
    done: `EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('public.${name}') AND indisvalid AND indisready)`,
    online: [{ kind: 'index', name, table, sql: sql(true).replace(/DO \$[\s\S]*/, '') }],
  }
}

const key = { columns: ['project_id'], references: { table: projects, columns: ['id'] }, onDelete: 'CASCADE' } as const
const [addKey = '', validateKey = ''] = tenantForeignKeyOnline(tasks, key)

const foreignKey: Step = {
  key: 'foreign key "tasks_tenant_id_project_id_fkey"',
  title: 'Foreign key of tasks to projects',
  table: tasks,
  sql: tenantForeignKey(tasks, key) + dropForeignKey(tasks, { name: 'tasks_project_id_fkey' }),
  down:
    dropForeignKey(tasks, { name: 'tasks_tenant_id_project_id_fkey' }) +
    restoreForeignKey(tasks, { ...key, name: 'tasks_project_id_fkey' }),
  done: `EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(tasks)} AND conname = 'tasks_tenant_id_project_id_fkey' AND convalidated)
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(tasks)} AND conname = 'tasks_project_id_fkey')`,
  online: [
    {
      kind: 'check',
      sql: `SELECT child.id FROM "public"."tasks" AS child JOIN "public"."projects" AS parent ON parent.id = child.project_id
WHERE child.tenant_id <> parent.tenant_id`,
      problem: 'tasks point at projects of another tenant',
      hint: 'Move each task to a project of its own tenant, or correct its tenant.',
    },
    transaction(addKey),
    statement(validateKey),
    transaction(dropForeignKey(tasks, { name: 'tasks_project_id_fkey' })),
  ],
}

const policy = (table: Named): Step => ({
  key: `policy ${quoteTable(table)}`,
  title: `Policy of ${table.table}`,
  table,
  sql: tenantPolicy(table) + enableRowLevelSecurity(table),
  down: dropTenantPolicy(table) + disableRowLevelSecurity(table),
  done: `EXISTS (SELECT FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
    WHERE polrelid = ${regclass(table)} AND polname = 'tenant_isolation' AND relrowsecurity AND relforcerowsecurity)`,
})

export const fixtureSteps: readonly Step[] = [
  column(projects),
  column(tasks),
  filled(projects, { parent: { table: companies, column: 'id', keys: [['company_id', 'id']] } }),
  filled(tasks, { parent: { table: projects, keys: [['project_id', 'id']] } }),
  required(projects),
  required(tasks),
  index(projects, 'projects_tenant_id_id_key', (concurrently) =>
    tenantUnique(projects, { columns: ['id'], concurrently }),
  ),
  index(tasks, 'tasks_tenant_id_project_id_idx', (concurrently) =>
    tenantIndexes(tasks, { indexes: [['project_id']], concurrently }),
  ),
  index(tasks, 'tasks_tenant_id_title_idx', (concurrently) =>
    tenantIndexes(tasks, { indexes: [['title']], concurrently }),
  ),
  foreignKey,
  policy(projects),
  policy(tasks),
]
