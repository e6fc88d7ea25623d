import type { Desired, SharedTable } from '../schema/desired.js'
import { dropTenantRoles } from '../sql/drop-roles.js'
import { nameOf, quoteLiteral } from '../sql/quote.js'
import type { TenantRoleNames } from '../sql/role-options.js'
import { tenantRoles } from '../sql/roles.js'
import { sharedTable, unshareTable } from '../sql/shared-table.js'
import { regclass } from './done.js'
import { fingerprint, makeStep } from './make-step.js'
import type { Step } from './step.js'

/** The roles, and the tables that every tenant reads and none writes: the grants on all tables open those again. */
export function roleSteps({ config, tables, schemas }: Desired): Step[] {
  const { app, migrator, bypass, owner } = config.roles
  const names: TenantRoleNames = { app, migrator, bypass, schemas, ...(owner === undefined ? {} : { owner }) }
  const sql = tenantRoles(names)
  const roles = makeStep({
    what: 'roles',
    title: `Roles ${app}, ${migrator} and ${bypass}`,
    sql,
    down: dropTenantRoles(names),
    done: rolesAreThere(names, schemas),
  })
  const shared = tables.filter((table): table is SharedTable => table.kind === 'shared')
  return [roles, ...shared.map((table) => sharedStep(table, app, fingerprint(sql)))]
}

function sharedStep({ table, model = nameOf(table) }: SharedTable, app: string, dependsOn: string): Step {
  return makeStep({
    what: 'shared',
    table,
    title: `${model} is read by every tenant and written by none`,
    sql: sharedTable(table, { app }),
    down: unshareTable(table, { app }),
    done: `EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(app)} AND has_table_privilege(oid, ${regclass(table)}, 'SELECT')
    AND NOT has_table_privilege(oid, ${regclass(table)}, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))`,
    dependsOn,
  })
}

function rolesAreThere({ app, migrator = '', bypass = '' }: TenantRoleNames, schemas: readonly string[]): string {
  const roles = [app, migrator, bypass].map(quoteLiteral)
  const inSchemas = `nspname IN (${schemas.map(quoteLiteral).join(', ')})`
  return `(SELECT count(*) FROM pg_roles WHERE rolname IN (${roles.join(', ')})) = 3
  AND NOT EXISTS (SELECT FROM pg_roles, pg_namespace WHERE rolname IN (${roles.join(', ')}) AND ${inSchemas}
    AND NOT has_schema_privilege(pg_roles.oid, pg_namespace.oid, 'USAGE'))
  AND NOT EXISTS (SELECT FROM pg_roles, pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE rolname IN (${roles.join(', ')}) AND ${inSchemas} AND relkind IN ('r', 'p') AND relname <> '_prisma_migrations'
      AND NOT has_table_privilege(pg_roles.oid, pg_class.oid, 'SELECT'))
  AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(app)}
    AND (rolsuper OR rolbypassrls OR has_database_privilege(oid, current_database(), 'TEMPORARY')))`
}
