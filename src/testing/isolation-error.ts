import { named, TenancyError } from '../errors.js'
import { formatMatrix, type IsolationMatrix } from './matrix.js'
import type { Leak } from './trial.js'

/** A tenant reached another's rows. `message` holds the first leak with its reproduction; `matrix` holds all of them. */
export class IsolationError extends TenancyError {
  static {
    named(IsolationError, 'IsolationError')
  }
  declare readonly matrix: IsolationMatrix
  /** The first of `matrix.leaks`. */
  readonly leak: Leak

  constructor(matrix: IsolationMatrix, leak: Leak) {
    const more = matrix.leaks.length > 1 ? `\n\nAnd ${matrix.leaks.length - 1} more:\n\n${formatMatrix(matrix)}` : ''
    super('ISOLATION.LEAKED', `${leak.model}, ${leak.attack}: ${leak.what}\n\n${leak.reproduction}${more}`, {
      hint: leak.cause,
      meta: { model: leak.model, attack: leak.attack },
    })
    // Hidden: test runners print every property of an error, and this one is in the message already.
    Object.defineProperty(this, 'matrix', { value: matrix, enumerable: false })
    this.leak = leak
  }
}
