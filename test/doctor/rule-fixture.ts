import { readdirSync } from 'node:fs'

import type { DoctorOptions, Level } from '../../src/doctor/index.js'

/** What proves a rule: databases that it must speak about, and some that look alike and that it must not. */
export interface RuleFixture {
  readonly faults: readonly Fault[]
  readonly nearMisses: readonly NearMiss[]
}

interface Planted {
  /** A claim: 'a policy that ends in OR true'. */
  readonly name: string
  /** Run as a superuser on a fresh copy of the clean world. */
  readonly sql: string
  /** Of the doctor, beside those of the world. */
  readonly options?: Partial<DoctorOptions>
  /** Roles that the SQL makes: they belong to the server, and are dropped afterwards. */
  readonly roles?: readonly string[]
  /** Only from this version of PostgreSQL on. */
  readonly since?: number
  /** Only before this version of PostgreSQL. */
  readonly before?: number
  /** The release that the doctor is told the server is. Default: that the server has no known holes. */
  readonly server?: { readonly version: string; readonly number: number }
}

export interface NearMiss extends Planted {
  /** Other rules that rightly speak. */
  readonly also?: readonly string[]
}

export interface Fault extends Planted {
  /** What the finding must name; `{database}` stands for the name of the copy. */
  readonly object: string
  /** Default: the rule's. */
  readonly level?: Level
  /** Other rules that rightly speak. Whatever else speaks is an error: one fault, one finding. */
  readonly also?: readonly string[]
  /** How many findings of the rule itself. Default: 1. */
  readonly findings?: number
  /** A statement that shows the harm, and no longer does after the rule's own SQL: of every fault of a rule about leaks. */
  readonly probe?: Probe
  /** A statement whose plan shows the harm, and no longer does after the rule's own SQL: of every fault of one about speed. */
  readonly plan?: Plan
  /** Why neither can show this one. Sentences, for docs/doctor-rules.md. */
  readonly notShown?: string
  /** Does a person have to decide? Then `decided` is what the person ran, where the fix alone is not it. */
  readonly fixIs?: 'mechanical' | 'person'
  readonly decided?: string
}

export interface Probe {
  /** In a transaction of its own, with tenant B in scope. */
  readonly sql: string
  /** Does what the statement answers show the harm? A refusal (42501, or a failure that is not one's own) is no harm. */
  readonly harm: (rows: readonly Record<string, unknown>[]) => boolean
  /** The tenant in scope. Default: B. `null`: none was ever set on the connection. */
  readonly tenant?: string | null
  /** Default: the app role. */
  readonly as?: string
}

export interface Plan {
  /** What the table needs for the planner to care, as a superuser. */
  readonly prepare?: string
  readonly sql: string
  /** The tenant in scope. Default: B. */
  readonly tenant?: string
  /** Of the lines of EXPLAIN (COSTS OFF). */
  readonly slow: (plan: string) => boolean
}

/** Every rule's fixture, by the rule's id. */
export async function allFixtures(): Promise<ReadonlyMap<string, RuleFixture>> {
  const folder = new URL('rules/', import.meta.url)
  const fixtures = new Map<string, RuleFixture>()
  for (const file of readdirSync(folder)) {
    const { fixture } = (await import(new URL(file, folder).href)) as { fixture: RuleFixture }
    fixtures.set(file.replace(/\.ts$/, ''), fixture)
  }
  return fixtures
}
