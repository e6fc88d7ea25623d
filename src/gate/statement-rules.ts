import { TenancyError } from '../errors.js'
import { HARMLESS } from './functions.js'
import { SESSION_FUNCTIONS } from './reach.js'
import type { Statement } from './statement.js'

/** What statements may do, where that is not the same for each service. */
export interface StatementOptions {
  /**
   * Names of functions that statements may call, and of statistics views that they may read, though they can change or
   * show what other tenants share: `['pgroonga_score', 'pg_stat_activity']`. Default `[]`: functions in C that change the
   * session, the server or what is shared, as the database's catalog tells, are refused.
   */
  allowNames?: readonly string[] | undefined
  /**
   * Refuses `EXPLAIN`: where an index does not begin with the tenant, the rows that `EXPLAIN ANALYZE` counts and the plan
   * that plain `EXPLAIN` chooses tell values of other tenants to a caller that sends its own SQL. Default `false`.
   */
  refuseExplain?: boolean | undefined
}

/** Judges statements by what a database's catalog says of the names in them. */
export class StatementRules {
  readonly #allowed: ReadonlySet<string>
  readonly #refuseExplain: boolean
  #functions: ReadonlySet<string> | undefined
  #learntFrom = ''

  /** @throws TenancyError `CONFIG.INVALID` */
  constructor({ allowNames = [], refuseExplain = false }: StatementOptions = {}) {
    if (!Array.isArray(allowNames) || !allowNames.every((name) => typeof name === 'string' && name !== ''))
      throw invalid('allowNames is not a list of names', "allowNames: ['pgroonga_score']")
    const never = allowNames.find((name) => SESSION_FUNCTIONS.has(name))
    if (never !== undefined)
      throw invalid(`${never}() is refused in any case, for it could name another tenant`, `Take ${never} out.`)
    if (typeof refuseExplain !== 'boolean')
      throw invalid('refuseExplain is neither true nor false', 'refuseExplain: true, or leave it out.')
    this.#allowed = new Set(allowNames)
    this.#refuseExplain = refuseExplain
  }

  /** Whether the catalog was read: before, a statement's calls are not judged. */
  get known(): boolean {
    return this.#functions !== undefined
  }

  /** What to ask a new connection with: it answers with functions only where its extensions are others. */
  get learntFrom(): string {
    return this.#learntFrom
  }

  /** @param row what a connection answered when it was set up */
  learn({ extensions, functions }: { readonly extensions: string; readonly functions: string | null }): void {
    if (functions === null) return
    this.#learntFrom = extensions
    const all = JSON.parse(functions) as string[]
    // Added to what another server of the same address answered.
    this.#functions = new Set([...(this.#functions ?? []), ...all.filter((name) => !this.#permits(name))])
  }

  #permits(name: string): boolean {
    return HARMLESS.has(name) || this.#allowed.has(name)
  }

  /** The statement, or what it is then: one that reaches beyond its transaction or its tenant. */
  judge(statement: Statement): Statement {
    if (statement.kind !== 'query') return statement
    if (this.#refuseExplain && statement.explains) {
      return { kind: 'session', why: 'EXPLAIN tells of rows of other tenants', hint: 'Run it as the migrator role.' }
    }
    for (const name of statement.views ?? []) {
      if (!this.#allowed.has(name))
        return shared(name, `${name} shows what other tenants do, and the text of their statements`)
    }
    for (const name of statement.calls ?? []) {
      if (this.#functions?.has(name))
        return shared(name, `it calls ${name}(), which can change or show what other tenants share`)
    }
    return statement
  }
}

const INSTEAD: readonly (readonly [name: RegExp, hint: string])[] = [
  [/^(?:curr|last)val$/, 'INSERT … RETURNING id.'],
  [/^lo_|^lo(?:read|write)$/, 'Keep files in bytea columns of tenant tables.'],
  [/^pg_advisory_/, 'Locks of the transaction end with it.'],
  [/^set_limit$/, 'SET LOCAL pg_trgm.similarity_threshold = 0.4 inside a transaction.'],
]

function shared(name: string, why: string): Statement {
  const instead = INSTEAD.find(([pattern]) => pattern.test(name))?.[1]
  return {
    kind: 'session',
    why,
    hint: instead ?? `Where it cannot harm them: allowNames: ['${name}']. Otherwise run it as the migrator role.`,
  }
}

function invalid(what: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `Statements cannot be judged: ${what}.`, { hint })
}
