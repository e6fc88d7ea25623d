import { showValue } from '../show-value.js'
import { checkFlag, checkOptions, invalidOption } from './options.js'
import { quoteIdentifier, quoteLiteral, quoteRole, type TableName } from './quote.js'

/** The roles of a database, and the schemas they work in. */
export interface TenantRoleNames {
  /** The role that the service logs in with. */
  app: string
  /** The role that creates the tables. It must exist. Default: the role that runs the SQL. */
  owner?: string | undefined
  /**
   * The role that sees and writes every tenant's rows: for migrations that change data, seeds, dumps and restores. It may
   * be the owner. Default: there is none.
   */
  migrator?: string | undefined
  /** The role that reads every tenant's rows and writes none. Default: there is none. */
  bypass?: string | undefined
  /** The schema with the tables. Default `'public'`. */
  schema?: string | undefined
  /** The schemas, where there are several. */
  schemas?: readonly string[] | undefined
}

export interface TenantRolesOptions extends TenantRoleNames {
  /**
   * May the migrator and the bypass role have BYPASSRLS? Where the host forbids it, write `false`, and give each tenant
   * table a `migratorPolicy` for each of them. Default `true`.
   */
  bypassRls?: boolean | undefined
  /**
   * Tables that every tenant reads and none writes, as `sharedTable` makes them: the grants on all tables would open them
   * again. Default `[]`.
   */
  shared?: readonly TableName[] | undefined
  /**
   * Whether every login may go on reading the statistics that count rows (`pg_stat_user_tables`, `pg_stat_database`, …).
   * They tell values of other tenants; a login that watches the database is better made a member of `pg_monitor`.
   * Default `false`.
   */
  publicStatistics?: boolean | undefined
  /**
   * The app role's password, or a `SCRAM-SHA-256$…` verifier, which PostgreSQL takes as it is. Default: none is set. It
   * stands in the SQL in clear text; `\password` of psql keeps it out of files and logs.
   */
  password?: string | undefined
}

/** A role twice: as an identifier and as text. */
export interface Role {
  readonly quoted: string
  readonly literal: string
}

export interface CheckedRoles {
  readonly app: Role
  readonly owner: Role | undefined
  readonly migrator: Role | undefined
  readonly bypass: Role | undefined
  readonly schemas: readonly string[]
  /** `IN SCHEMA "public", "crm"` */
  readonly inSchemas: string
  /** Does the migrator own the tables itself? */
  readonly migratorOwns: boolean
  readonly bypassRls: boolean
}

const names = ['app', 'owner', 'migrator', 'bypass', 'schema', 'schemas']

/** @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID` */
export function checkRoles(call: string, options: TenantRolesOptions, more: readonly string[] = []): CheckedRoles {
  checkOptions(call, options, [...names, ...more])
  const { app, owner, migrator, bypass, bypassRls = true } = options
  const roles = { app: roleOf(app), owner: optional(owner), migrator: optional(migrator), bypass: optional(bypass) }
  if (owner === app) {
    throw invalidOption(
      `The app role and the owner are both ${showValue(owner)}`,
      'Use two roles: the owner of a table can switch its policies off.',
    )
  }
  const separate = [app, migrator, bypass].filter((name) => name !== undefined)
  if (new Set(separate).size < separate.length || (bypass !== undefined && bypass === owner)) {
    throw invalidOption(
      'Two of the roles have the same name',
      'Give app, migrator and bypass a name each; only the migrator may be the owner.',
    )
  }
  const schemas = schemasOf(options)
  return {
    ...roles,
    schemas,
    inSchemas: `IN SCHEMA ${schemas.map(quoteIdentifier).join(', ')}`,
    migratorOwns: migrator !== undefined && migrator === owner,
    bypassRls: checkFlag('bypassRls', bypassRls),
  }
}

function schemasOf({ schema, schemas }: TenantRoleNames): readonly string[] {
  if (schemas === undefined) {
    const only = schema === undefined ? 'public' : schema
    quoteIdentifier(only)
    return [only]
  }
  if (schema !== undefined) throw invalidOption('schema and schemas are both given', 'List them all in schemas.')
  if (!Array.isArray(schemas) || schemas.length === 0) {
    const what = Array.isArray(schemas) ? 'an empty list' : showValue(schemas)
    throw invalidOption(`The option schemas is ${what}`, "List at least one, such as schemas: ['public'].")
  }
  schemas.forEach(quoteIdentifier)
  return schemas
}

function roleOf(name: string): Role {
  return { quoted: quoteRole(name), literal: quoteLiteral(name) }
}

function optional(name: string | undefined): Role | undefined {
  return name === undefined ? undefined : roleOf(name)
}
