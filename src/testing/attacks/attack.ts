import type { Target } from '../targets.js'
import type { Trial } from '../trial.js'

/** One way to reach another tenant's rows. */
export interface Attack {
  readonly name: string
  /** On which targets it makes sense at all; by default on what belongs to a tenant. */
  readonly on?: readonly Target['kind'][]
  /** Throws `Leaked`, or answers why nothing could be tried. */
  run(trial: Trial): Promise<string | undefined>
}

export const noModel = 'no model of the client has this table'
