// What is generated: for each tenant a list of commands, which its one actor runs in order while the others run theirs.
import fc from 'fast-check'
import { NESTS } from '../../support/prisma-version.js'
import { attackNames, operationNames, type Spec } from './operations.js'
import { SLOTS, TENANTS } from './oracle.js'

export type Command =
  | { readonly kind: 'one'; readonly spec: Spec }
  /** `$transaction([…])`. */
  | { readonly kind: 'array'; readonly specs: readonly Spec[] }
  /** `$transaction(async (tx) => …)`, with a nested one in the middle where `inner` is not empty. */
  | {
      readonly kind: 'transaction'
      readonly before: readonly Spec[]
      readonly inner: readonly Spec[]
      readonly innerThrows: boolean
      readonly after: readonly Spec[]
      readonly throws: boolean
      readonly repeatableRead: boolean
    }
  /** findUnique calls of one tick, each `by` a tenant for a row `of` one: own rows and guessed ones, in several scopes. */
  | { readonly kind: 'tick'; readonly asked: readonly Asked[] }
  /** Made in the tenant's scope, awaited in another's. */
  | { readonly kind: 'awaited elsewhere'; readonly spec: Spec }
  /** Through `$forTenant`, in another's scope. */
  | { readonly kind: 'bound'; readonly spec: Spec }
  /** A transaction's client, used in another's scope. */
  | { readonly kind: 'stolen'; readonly spec: Spec }
  /** Without a tenant, and outside any scope. */
  | { readonly kind: 'nobody'; readonly slot: number }

export interface Asked {
  readonly by: number
  readonly of: number
  readonly slot: number
}

const slot = fc.nat(SLOTS - 1)
const tenant = fc.nat(TENANTS - 1)
const specOf = (names: readonly string[]) =>
  fc.record({
    name: fc.constantFrom(...names),
    slot,
    second: fc.nat(2 * SLOTS - 1),
    budget: fc.nat(4),
    // Added to the tenant's own number, it is never the tenant itself.
    other: fc.integer({ min: 1, max: TENANTS - 1 }),
  })
const spec = fc.oneof({ weight: 4, arbitrary: specOf(operationNames) }, { weight: 1, arbitrary: specOf(attackNames) })
const specs = fc.array(spec, { maxLength: 4 })

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('one' as const), spec }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('array' as const),
      specs: fc.array(spec, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('transaction' as const),
      before: specs,
      inner: NESTS ? specs : fc.constant([]),
      innerThrows: fc.boolean(),
      after: specs,
      throws: fc.boolean(),
      repeatableRead: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('tick' as const),
      asked: fc.array(fc.record({ by: tenant, of: tenant, slot }), { minLength: 2, maxLength: 8 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('awaited elsewhere' as const, 'bound' as const, 'stolen' as const),
      spec,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('nobody' as const), slot }) },
)

/** One list of commands for each tenant. */
export const program = (commands: number): fc.Arbitrary<Command[][]> => {
  const list = fc.array(command, { minLength: commands, maxLength: commands })
  return fc.tuple(...Array.from({ length: TENANTS }, () => list))
}
