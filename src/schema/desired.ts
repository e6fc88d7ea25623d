import type { ParentPath } from '../sql/parent-policy.js'
import type { TenantColumnType } from '../sql/policies.js'
import type { TableName } from '../sql/quote.js'
import type { ResolvedConfig } from './config.js'

export type { ParentPath }

/**
 * What the database must have so that tenants are apart and the edited schema is true of it. All names are the
 * database's own: columns, tables, and constraints as Prisma derives them.
 */
export interface Desired {
  readonly config: ResolvedConfig
  /** Parents before their children, as far as there is no cycle. */
  readonly tables: readonly DesiredTable[]
  /** Primary keys that stay without the tenant: a tenant can learn that an id is taken, but not by whom. */
  readonly surrogateKeys: readonly SurrogateKey[]
  /** Views by name: no policy protects them, they need `security_invoker`. */
  readonly views: readonly TableName[]
  /** The database schemas that the tables are in: `['public']` unless the Prisma schema says otherwise. */
  readonly schemas: readonly string[]
}

export type DesiredTable = TenantTable | ReachedTable | ManyToManyTable | SharedTable

/** Has the tenant column. */
export interface TenantTable {
  readonly kind: 'tenant'
  readonly model: string
  readonly table: TableName
  /** The tenant column. */
  readonly column: string
  readonly type: TenantColumnType
  /** The schema did not have the column. */
  readonly columnIsNew: boolean
  /** The column was there and could be NULL. */
  readonly columnWasNullable: boolean
  /** The column has a default of the user's own, which stays. Else it gets the tenant in scope. */
  readonly hadDefault: boolean
  /** The column had the tenant in scope as its default already. */
  readonly defaultIsThere: boolean
  /** Columns of the primary key as it is before any change; empty for a table without one. */
  readonly primaryKey: readonly string[]
  /** Where the tenant of existing rows comes from: each for the rows that have none yet. Empty where nobody says. */
  readonly backfill: readonly Backfill[]
  /** Indexes that begin with the tenant and are new. */
  readonly indexes: readonly DesiredIndex[]
  /** Unique indexes that contain the tenant and are new. */
  readonly uniques: readonly DesiredUnique[]
  /** Unique indexes without the tenant that go, because one with the tenant was there already. */
  readonly surplusUniques: readonly FormerUnique[]
  /** A natural primary key gets the tenant in front. */
  readonly primaryKeyChange?: PrimaryKeyChange | undefined
  /** Foreign keys that contain the tenant and are new, or do something else on delete than before. */
  readonly foreignKeys: readonly DesiredForeignKey[]
  /** Needs the trigger that keeps the tenant where Prisma or ON DELETE SET NULL writes NULL into the whole key. */
  readonly keepTenant: boolean
}

/** Has no tenant column: its rows belong to the tenant of their parents. */
export interface ReachedTable {
  readonly kind: 'reached'
  readonly model: string
  readonly table: TableName
  readonly parents: readonly ParentPath[]
}

/** The table that Prisma makes for an implicit many-to-many relation. */
export interface ManyToManyTable {
  readonly kind: 'manyToMany'
  readonly table: TableName
  readonly parents: readonly ParentPath[]
}

/** Every tenant reads it, none writes it. */
export interface SharedTable {
  readonly kind: 'shared'
  /** undefined for the join table between two shared models. */
  readonly model?: string | undefined
  readonly table: TableName
}

export type Backfill =
  | { readonly tenant: string }
  | {
      readonly parent: {
        readonly table: TableName
        /** The parent's tenant column; or its id, where the parent is the table of tenants. */
        readonly column: string
        readonly keys: readonly (readonly [childColumn: string, parentColumn: string])[]
      }
    }

export interface DesiredIndex {
  readonly name: string
  readonly columns: readonly string[]
  /** Those of the columns that are in descending order, where there are any. */
  readonly descending?: readonly string[] | undefined
}

export interface DesiredUnique extends DesiredIndex {
  /** The condition of a partial index, as SQL. */
  readonly where?: string | undefined
  /** The unique index without the tenant that it stands for. */
  readonly replaces?: FormerUnique | undefined
}

export interface FormerUnique extends DesiredIndex {
  /** false: Prisma makes unique indexes, not constraints. A database that grew otherwise may have a constraint. */
  readonly constraint: boolean
  readonly where?: string | undefined
}

export interface PrimaryKeyChange {
  readonly name: string
  readonly columns: readonly string[]
  /** The columns of the former key, which has the same name unless `nameBefore` says otherwise. */
  readonly before: readonly string[]
  readonly nameBefore: string
}

export type ReferentialAction = 'CASCADE' | 'RESTRICT' | 'NO ACTION' | 'SET NULL' | 'SET DEFAULT'

export interface DesiredForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly references: { readonly table: TableName; readonly columns: readonly string[] }
  readonly onDelete: ReferentialAction
  readonly onUpdate: ReferentialAction
  /** A row may point at nothing. */
  readonly optional: boolean
  /** The foreign key that it stands for. It has the same name where only what happens on delete is another. */
  readonly replaces?: FormerForeignKey | undefined
}

export interface FormerForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  /** Columns of the same parent. */
  readonly references: readonly string[]
  readonly onDelete: ReferentialAction
  readonly onUpdate: ReferentialAction
}

export interface SurrogateKey {
  readonly model: string
  readonly table: TableName
  readonly columns: readonly string[]
}
