import type { OnlineAction } from '../migration/step.js'

/** What `applyOnline` tells while it works, for a bar, a log or a test. */
export type ProgressEvent =
  /** `there`: the database has it already, nothing is done. */
  | {
      readonly kind: 'step'
      readonly state: 'there' | 'started' | 'done'
      readonly key: string
      readonly title: string
      /** From 1. */
      readonly number: number
      readonly of: number
    }
  | { readonly kind: 'action'; readonly state: 'started' | 'done'; readonly title: string; readonly action: ActionKind }
  /** Rows looked at so far in a backfill, of about `of`; undefined where the table was never analyzed. */
  | {
      readonly kind: 'rows'
      readonly table: string
      readonly seen: number
      readonly filled: number
      readonly of: number | undefined
    }
  /** The phase of an index build in PostgreSQL's own words, with its blocks or lockers. */
  | {
      readonly kind: 'index'
      readonly name: string
      readonly phase: string
      readonly done: number
      readonly of: number
    }
  /** A lock was not to be had. `blockers` describes the sessions that hold it, without their statements. */
  | { readonly kind: 'waiting'; readonly title: string; readonly blockers: readonly string[] }

export type ActionKind = OnlineAction['kind']

export type OnProgress = (event: ProgressEvent) => void
