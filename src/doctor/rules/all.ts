import type { Rule } from '../rule.js'
import { rlsDisabled } from './rls-disabled.js'

/** Every rule, in the order of the docs. */
export const rules: readonly Rule[] = [
  // Policies.
  rlsDisabled,
]
