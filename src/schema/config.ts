import type { TenantColumnType } from '../sql/policies.js'

/** What stands in `tenancy.config.json`, in the folder the command is started in. Everything but `tenantModel` has a default. */
export interface TenancyConfig {
  /** The Prisma model of a tenant, such as `'Company'`. Every tenant reads it, none writes it. */
  tenantModel: string
  /** Type of the tenant column. Default `'uuid'`. */
  tenantId?: TenantColumnType | undefined
  /** Column that names the tenant. Default `'tenant_id'`. */
  column?: string | undefined
  /** The Prisma field of that column, in models that get it. Default `'tenantId'`. */
  field?: string | undefined
  /** The run-time parameter that carries the tenant. Default `'app.tenant_id'`. */
  setting?: string | undefined
  /** Policies ask the sealed function, so that SQL injection cannot change the tenant. Default `false`. */
  seal?: boolean | undefined
  /** Models that every tenant reads and none writes. Default none. */
  shared?: readonly string[] | undefined
  /** Models without the column that get it, or `'all'` that are reached through their parents. Default none. */
  addColumn?: readonly string[] | 'all' | undefined
  /** The tenant that a model's existing rows get where no parent tells; `'*'` for every model. Default none. */
  backfill?: Readonly<Record<string, string>> | undefined
  /** Database roles. */
  roles?: TenancyRoles | undefined
  /** Path of `schema.prisma`, or of a folder of `.prisma` files. Default `prisma/schema.prisma`, else `prisma/schema`. */
  schema?: string | undefined
  /** Folder of the migrations. Default `migrations` beside the schema. */
  migrations?: string | undefined
}

export interface TenancyRoles {
  /** Owns the tables. Default: the role that runs the SQL. */
  owner?: string | undefined
  /** Sees and writes all rows: migrations, seeds, dumps. Default `'app_migrator'`. */
  migrator?: string | undefined
  /** What the service logs in with. Default `'app_user'`. */
  app?: string | undefined
  /** Reads all rows and writes none. Default `'app_bypass'`. */
  bypass?: string | undefined
}

/** The configuration with its defaults filled in; `schema` and `migrations` stay as given, they depend on the disk. */
export interface ResolvedConfig {
  readonly tenantModel: string
  readonly tenantId: TenantColumnType
  readonly column: string
  readonly field: string
  readonly setting: string
  readonly seal: boolean
  readonly shared: readonly string[]
  readonly addColumn: readonly string[] | 'all'
  readonly backfill: Readonly<Record<string, string>>
  readonly roles: ResolvedRoles
  readonly schema?: string | undefined
  readonly migrations?: string | undefined
}

export interface ResolvedRoles {
  /** undefined: the role that runs the SQL. */
  readonly owner?: string | undefined
  readonly migrator: string
  readonly app: string
  readonly bypass: string
}
