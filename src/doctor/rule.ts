import type { Facts } from './facts.js'
import type { Level } from './finding.js'

/** One thing that can be wrong. Each has a file of its own in `rules/`. */
export interface Rule {
  /** Stable: baselines and suppressions name it. */
  readonly id: string
  /** Of its problems, unless one says otherwise. */
  readonly level: Level
  readonly title: string
  /** What it does to a team that leaves it so, for people who do not know the corners of row-level security. */
  readonly why: string
  /** The page of PostgreSQL or Prisma that the rule comes from. */
  readonly docsUrl: string
  /** `leak` is shown by a statement as the app role, `speed` by a plan; for `other`, `unprovable` says why neither can be. */
  readonly harm: 'leak' | 'speed' | 'other'
  readonly unprovable?: string
  /** Pure: everything it may look at is in the facts. */
  check(facts: Facts): readonly Problem[]
}

export interface Problem {
  /** As SQL names it, quoted. */
  readonly object: string
  readonly detail: string
  readonly level?: Level | undefined
  readonly fix?: string | undefined
  readonly needsPerson?: string | undefined
}
