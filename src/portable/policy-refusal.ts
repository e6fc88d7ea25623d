import { insufficientPrivilege, sealRefused } from '../refusals.js'

/** The database's refusal as users should meet it. An adapter keeps the SQLSTATE and the message, and nothing more. */
export function asUsersMeetIt(error: unknown): unknown {
  const { originalCode, originalMessage = '' } = serverErrorIn(error)
  if (originalCode !== '42501') return sealRefused(originalCode, error) ?? error
  return insufficientPrivilege(originalMessage, error) ?? error
}

/** What an adapter keeps of the server's error, where it was one. */
export function serverErrorIn(error: unknown): { originalCode?: string; originalMessage?: string } {
  return (error as { cause?: object } | null)?.cause ?? {}
}
