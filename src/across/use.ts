/** One run of `acrossTenants`: what it may do, and what came of it. */
export class AcrossUse {
  /** A random UUID: the key of its row in the audit table. */
  readonly id: string
  readonly reason: string
  /** The file and line that called, as V8 prints them; `undefined` where the stack does not tell. */
  readonly caller: string | undefined
  readonly write: boolean
  readonly startedAt = new Date()
  /** Statements that were sent or refused by the server, those of transactions included. */
  statements = 0
  /** `fn` has returned or thrown: what it left running asks in vain. */
  over = false

  constructor({ id, reason, caller, write }: Pick<AcrossUse, 'id' | 'reason' | 'caller' | 'write'>) {
    this.id = id
    this.reason = reason
    this.caller = caller
    this.write = write
  }
}
