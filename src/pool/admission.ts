import type { Binding } from '../binding.js'
import type { Statement } from '../gate/statement.js'
import type { ResultBuilder } from './pg-internals.js'
import type { QueryInput } from './query-input.js'

/** What a client asks of its pool for one statement: whose it is, what it is, and whether Prisma sent it. */
export interface Admission {
  readonly binding: Binding
  readonly statement: Statement
  readonly input: QueryInput
  readonly fromPrisma: boolean
  readonly refusal?: undefined
  /** Throws where the answer must not be handed out. */
  readonly check?: ((result: ResultBuilder) => void) | undefined
}

/** A refused statement that opens or ends a transaction, and so has something to say all the same. */
export interface RefusedControl extends Pick<Admission, 'statement' | 'input' | 'fromPrisma'> {
  readonly refusal: unknown
  readonly binding?: undefined
  readonly check?: undefined
}
