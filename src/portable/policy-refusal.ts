import { insufficientPrivilege, sealRefused } from '../refusals.js'

/** The database's refusal as users should meet it. An adapter keeps the SQLSTATE and the message, and nothing more. */
export function asUsersMeetIt(error: unknown): unknown {
  const { originalCode, originalMessage = '' } = ((error as { cause?: unknown } | null)?.cause ?? {}) as {
    originalCode?: string
    originalMessage?: string
  }
  if (originalCode !== '42501') return sealRefused(originalCode, error) ?? error
  return insufficientPrivilege(originalMessage, error) ?? error
}
