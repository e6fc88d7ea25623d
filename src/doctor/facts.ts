import type { Catalog, Column, Constraint, Index, Oid, Policy, Relation, Role, Schema } from './catalog.js'
import type { Truth } from './evaluate.js'
import type { Expression } from './expression.js'
import type { ResolvedDoctorOptions } from './options.js'
import type { Privileges } from './privileges.js'
import type { Comparison, TenantSource } from './tenant-source.js'

/** Everything that rules may look at, computed once. */
export interface Facts {
  readonly options: ResolvedDoctorOptions
  readonly catalog: Catalog
  readonly appRole: Role
  /** What the app role may do, and through whom. */
  readonly privileges: Privileges
  /** Tables with the tenant column that are no partition of another one. In the order of names. */
  readonly tenantTables: readonly TenantTable[]
  /** Partitions and inheritance children of tenant tables, at whatever depth. */
  readonly partitions: readonly Partition[]
  /** Tables without the tenant column whose rows are some tenant's: a policy or a foreign key leads to a tenant table. */
  readonly reachedTables: readonly ReachedTable[]
  /** Any of the three. */
  table(oid: Oid): TableFacts | undefined
  relation(oid: Oid): Relation | undefined
  /** Of a table, in the order of names. */
  indexes(relation: Oid): readonly Index[]
  constraints(relation: Oid): readonly Constraint[]
  role(oid: Oid): Role | undefined
  schema(oid: Oid): Schema | undefined
  /** Is it a role that is meant to see every tenant's rows: a trusted one, a superuser, BYPASSRLS? */
  isTrusted(role: Oid): boolean
  /** Is it in a schema that is looked at? */
  isChecked(schema: string): boolean
  /** Is it everybody's, as the options say, although it may have the tenant column? */
  isShared(relation: Relation): boolean
}

export interface TableFacts {
  readonly relation: Relation
  readonly policies: readonly PolicyFacts[]
  /** What the app role's statements get to, by the policies alone: row-level security may be off, a grant missing. */
  readonly admitted: Admitted
}

export interface TenantTable extends TableFacts {
  readonly tenantColumn: Column
}

export interface Partition extends TableFacts {
  /** The tenant table at the top. */
  readonly root: TenantTable
  readonly tenantColumn: Column
}

export interface ReachedTable extends TableFacts {
  /** The way up by foreign keys, the nearest table first; empty where only a policy leads there. */
  readonly path: readonly Relation[]
}

/**
 * Which rows an expression lets through:
 * - `tenant`: the tenant's own at most,
 * - `opaque`: a function of somebody's own decides, which the doctor does not call,
 * - `open`: others' as well,
 * - `nothing`: none at all.
 */
export type Limit = 'tenant' | 'opaque' | 'open' | 'nothing'

/** Of all policies together, as PostgreSQL combines them for the app role. */
export interface Admitted {
  readonly select: Limit
  readonly insert: Limit
  /** Rows that UPDATE finds, and what it may make of them. */
  readonly update: Limit
  readonly updated: Limit
  readonly delete: Limit
}

export interface PolicyFacts {
  readonly policy: Policy
  /** Does it apply to the app role: TO PUBLIC, to the role, or to one whose rights it has? */
  readonly reachesApp: boolean
  readonly using: ExpressionFacts | null
  /** Of WITH CHECK; where it is left out, of USING, for what it stands in for it. */
  readonly check: ExpressionFacts | null
  /** Was WITH CHECK written? */
  readonly checkWritten: boolean
}

export interface ExpressionFacts {
  readonly sql: string
  readonly expression: Expression
  readonly limit: Limit
  /** Is one of its conditions limited to the tenant, whatever stands beside it? */
  readonly limitedInPart: boolean
  /** Does it let rows through that have no tenant, whoever asks? */
  readonly nobodysRows: boolean
  /** How it asks for the tenant in scope. */
  readonly sources: readonly TenantSource[]
  /** Where it compares the table's own tenant column with it. */
  readonly comparisons: readonly Comparison[]
  /** Does it mention the table's own tenant column? */
  readonly mentionsTenant: boolean
  /** What PostgreSQL answered to it; undefined where it could not be asked, and why. */
  readonly truth: Truth | undefined
  readonly notEvaluated: string | undefined
}
