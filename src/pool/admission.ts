import type { Binding } from '../binding.js'
import type { Statement } from '../gate/statement.js'
import type { QueryInput } from './query-input.js'

/** What a client asks of its pool for one statement: whose it is, what it is, and whether Prisma sent it. */
export interface Admission {
  readonly binding: Binding
  readonly statement: Statement
  readonly input: QueryInput
  readonly fromPrisma: boolean
  readonly refusal?: undefined
  /** The error that the caller gets in place of the server's, or undefined. */
  readonly explain?: ((error: unknown) => unknown) | undefined
}

/** A refused statement that opens or ends a transaction, and so has something to say all the same. */
export interface RefusedControl extends Pick<Admission, 'statement' | 'input' | 'fromPrisma'> {
  readonly refusal: unknown
  readonly binding?: undefined
  readonly explain?: undefined
}
