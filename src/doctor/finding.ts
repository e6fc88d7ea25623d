/** `error`: rows leak or can leak. `warning`: something breaks, is slow, or may leak later. `info`: to know. */
export type Level = 'error' | 'warning' | 'info'

/** One thing that is wrong with one object of the database. */
export interface Finding {
  /** Id of the rule: `rls-disabled`. */
  readonly rule: string
  readonly level: Level
  /** The table, policy, role … as SQL names it: `"public"."projects"`. */
  readonly object: string
  /** What is wrong, without the object: the rule's title. */
  readonly title: string
  /** What was found, in one sentence. */
  readonly detail: string
  /** What it does to a team that leaves it so. */
  readonly why: string
  /** SQL that mends it, ready to run as the owner; `''` where there is none. With `needsPerson`, a proposal. */
  readonly fix: string
  /** What a person has to decide or look at before; undefined: `fix` may be run as it is. */
  readonly needsPerson?: string | undefined
  readonly docsUrl: string
}

/** What `doctor` found, and what it looked at. */
export interface Report {
  /** Worst first, then in the order of the rules. */
  readonly findings: readonly Finding[]
  readonly checked: Checked
}

export interface Checked {
  readonly database: string
  /** As the server says it: `15.18`. */
  readonly server: string
  /** The role the doctor is logged in as. */
  readonly connectedAs: string
  /** The role that was judged. */
  readonly appRole: string
  /** Every table that holds tenants' rows. */
  readonly tables: readonly TableProtection[]
  /** Ids of the rules that ran. */
  readonly rules: readonly string[]
  /** What could not be looked at, and why. */
  readonly notChecked: readonly { readonly what: string; readonly reason: string }[]
}

/** One row of the matrix of tables and protections: `true` holds, `false` does not, `null` does not apply. */
export interface TableProtection {
  readonly schema: string
  readonly table: string
  readonly rowLevelSecurity: boolean
  readonly forced: boolean
  /** Every row the app role can read is the tenant's. */
  readonly reads: boolean
  /** Every row the app role can write is the tenant's. */
  readonly writes: boolean
  readonly tenantNotNull: boolean | null
  readonly tenantIndex: boolean | null
  readonly foreignKeys: boolean | null
  readonly uniques: boolean | null
  readonly grants: boolean
}
