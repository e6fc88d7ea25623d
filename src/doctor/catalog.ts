import type { TreeValue } from './node-tree.js'

/** The number by which PostgreSQL knows an object. */
export type Oid = number

/** A right, as it was granted: to a role, or to everybody (0). Owners' rights are in it. */
export interface Grant {
  readonly grantee: Oid
  readonly grantor: Oid
  /** `SELECT`, `EXECUTE`, … */
  readonly privilege: string
  readonly grantable: boolean
}

/** Plain facts about the database, without an opinion. Lists are in the order of names. */
export interface Catalog {
  readonly server: { readonly version: string; readonly number: number }
  readonly database: { readonly name: string; readonly owner: Oid; readonly acl: readonly Grant[] }
  readonly connectedAs: string
  readonly roles: readonly Role[]
  readonly memberships: readonly Membership[]
  /** Of roles and databases: `ALTER ROLE … SET`, `ALTER DATABASE … SET`. */
  readonly settings: readonly StoredSetting[]
  readonly schemas: readonly Schema[]
  readonly defaultPrivileges: readonly DefaultPrivilege[]
  readonly relations: readonly Relation[]
  readonly policies: readonly Policy[]
  readonly indexes: readonly Index[]
  readonly operatorClasses: readonly OperatorClass[]
  readonly constraints: readonly Constraint[]
  readonly functions: readonly DatabaseFunction[]
  readonly publications: readonly Publication[]
  /** What policies refer to, PostgreSQL's own included. */
  readonly referenced: Referenced
  /** What could not be read, and why. */
  readonly notRead: readonly { readonly what: string; readonly reason: string }[]
}

export interface Role {
  readonly oid: Oid
  readonly name: string
  readonly superuser: boolean
  readonly bypassRls: boolean
  readonly createRole: boolean
  readonly replication: boolean
  readonly login: boolean
}

/** `member` is a member of `role`. */
export interface Membership {
  readonly role: Oid
  readonly member: Oid
  /** Has the member the role's rights without doing anything? */
  readonly inherit: boolean
  /** May the member SET ROLE to it? Always before PostgreSQL 16. */
  readonly set: boolean
  readonly admin: boolean
  /** From PostgreSQL 16 on, a REVOKE has to name it; before, it may be gone. `null`: PostgreSQL's own doing. */
  readonly grantor: Oid | null
}

export interface StoredSetting {
  /** `null`: in every database. Otherwise the one that is looked at. */
  readonly database: string | null
  /** `null`: for every role. */
  readonly role: Oid | null
  /** In lower case. */
  readonly name: string
  readonly value: string
}

export interface Schema {
  readonly oid: Oid
  readonly name: string
  readonly owner: Oid
  readonly acl: readonly Grant[]
}

/** `ALTER DEFAULT PRIVILEGES`: what objects that `creator` will make are granted. */
export interface DefaultPrivilege {
  readonly creator: Oid
  /** `null`: in every schema. */
  readonly schema: Oid | null
  readonly objects: 'tables' | 'sequences' | 'functions' | 'types' | 'schemas' | 'large objects'
  readonly acl: readonly Grant[]
}

export type RelationKind = 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table' | 'sequence'

export interface Relation {
  readonly oid: Oid
  readonly schema: string
  readonly name: string
  readonly kind: RelationKind
  readonly owner: Oid
  readonly rowSecurity: boolean
  readonly forceRowSecurity: boolean
  readonly isPartition: boolean
  /** Of a partitioned table; 0 among the columns is an expression. */
  readonly partitionKey: null | { readonly strategy: 'list' | 'range' | 'hash'; readonly columns: readonly number[] }
  /** Tables that it is a partition or an inheritance child of. */
  readonly parents: readonly Oid[]
  /** `security_invoker=true`, in lower case; of a view or a table. */
  readonly options: Readonly<Record<string, string>>
  readonly acl: readonly Grant[]
  /** As the planner estimates; -1: never analyzed. */
  readonly rows: number
  readonly columns: readonly Column[]
  /** Of a view or a materialized view: the relations that its query reads. */
  readonly readsFrom: readonly Oid[]
}

export interface Column {
  /** Its number, as in `indexes` and `constraints`. */
  readonly number: number
  readonly name: string
  readonly typeOid: Oid
  /** As SQL writes it: `character varying(80)`. */
  readonly type: string
  readonly notNull: boolean
  /** The expression of its default, or of a generated column. */
  readonly default: string | null
  readonly identity: boolean
  readonly generated: boolean
  /** Grants on this column alone. */
  readonly acl: readonly Grant[]
}

export type PolicyCommand = 'ALL' | 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'

export interface Policy {
  readonly oid: Oid
  readonly relation: Oid
  readonly name: string
  readonly permissive: boolean
  readonly command: PolicyCommand
  /** 0 is PUBLIC. */
  readonly roles: readonly Oid[]
  readonly using: PolicyExpression | null
  readonly check: PolicyExpression | null
}

export interface PolicyExpression {
  /** As PostgreSQL writes it back, with every name but those of `pg_catalog` qualified. */
  readonly sql: string
  readonly tree: TreeValue
}

export interface Index {
  readonly oid: Oid
  readonly relation: Oid
  readonly name: string
  readonly method: string
  readonly unique: boolean
  readonly primary: boolean
  readonly valid: boolean
  /** Made for an exclusion constraint. */
  readonly exclusion: boolean
  /** Numbers of the key's columns; 0 is an expression. */
  readonly columns: readonly number[]
  /** Columns of INCLUDE. */
  readonly included: readonly number[]
  /** One for each of `columns`. */
  readonly operatorClasses: readonly Oid[]
  /** The condition of a partial index. */
  readonly predicate: string | null
  /** Empty where nobody has to make it again: it is valid, and not unique. */
  readonly definition: string
  readonly nullsNotDistinct: boolean
  /** A partition's part of an index of the table that it is a partition of. */
  readonly inherited: boolean
}

export interface OperatorClass {
  readonly oid: Oid
  readonly name: string
  /** Of the values that it indexes. */
  readonly type: string
  /**
   * The operators that can use such an index, as `=` or `@>`, for the class's own type, and whether PostgreSQL may ask them
   * before a policy.
   */
  readonly operators: readonly {
    readonly name: string
    readonly leakproof: boolean
    /** What decides, as ALTER FUNCTION names it: `pg_catalog.enum_eq(anyenum, anyenum)`. */
    readonly function: string
  }[]
}

export type ConstraintKind = 'check' | 'foreign key' | 'primary key' | 'unique' | 'exclusion' | 'not null' | 'trigger'
export type ReferentialEffect = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT'

export interface Constraint {
  readonly oid: Oid
  readonly relation: Oid
  readonly name: string
  readonly kind: ConstraintKind
  readonly validated: boolean
  readonly columns: readonly number[]
  readonly definition: string
  /** Of a check. */
  readonly tree: TreeValue
  /** The index that it stands on, or that a foreign key refers to. */
  readonly index: Oid | null
  /** A copy on a partition of what its parent has. */
  readonly inherited: boolean
  readonly references: null | {
    readonly relation: Oid
    readonly columns: readonly number[]
    readonly onDelete: ReferentialEffect
    readonly onUpdate: ReferentialEffect
    /** What `SET NULL (column)` empties; empty: all of them. */
    readonly onDeleteColumns: readonly number[]
  }
}

export interface DatabaseFunction {
  readonly oid: Oid
  readonly schema: string
  readonly name: string
  /** As GRANT and ALTER FUNCTION name it: `"public"."total"(integer)`. */
  readonly signature: string
  readonly kind: 'function' | 'procedure' | 'aggregate' | 'window'
  readonly owner: Oid
  readonly language: string
  readonly securityDefiner: boolean
  readonly leakproof: boolean
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  /** Only triggers can call it. */
  readonly returnsTrigger: boolean
  /** Of its own, by name: `search_path`. */
  readonly settings: Readonly<Record<string, string>>
  readonly acl: readonly Grant[]
}

export interface Publication {
  readonly name: string
  readonly allTables: boolean
  readonly tables: readonly { readonly relation: Oid; readonly rowFilter: PolicyExpression | null }[]
  /** `FOR TABLES IN SCHEMA`. */
  readonly schemas: readonly Oid[]
}

/** What stands behind the numbers in policies' expressions. */
export interface Referenced {
  readonly functions: ReadonlyMap<Oid, ReferencedFunction>
  readonly operators: ReadonlyMap<Oid, ReferencedOperator>
  readonly types: ReadonlyMap<Oid, ReferencedType>
}

export interface ReferencedFunction {
  readonly oid: Oid
  readonly schema: string
  readonly name: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly leakproof: boolean
  /** As SQL calls it, without brackets: `tenancy.tenant_id`. */
  readonly sql: string
  /** The type of its answer, as SQL writes it. */
  readonly returns: string
}

export interface ReferencedOperator {
  readonly oid: Oid
  readonly schema: string
  readonly name: string
  /** Is it the equality of a B-tree, whatever it is called? */
  readonly equality: boolean
  readonly leakproof: boolean
}

export interface ReferencedType {
  readonly oid: Oid
  readonly schema: string
  readonly name: string
  /** As SQL writes it. */
  readonly sql: string
  readonly kind: 'base' | 'composite' | 'domain' | 'enum' | 'pseudo' | 'range' | 'multirange'
}
