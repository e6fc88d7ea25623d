import { PolicyViolationError } from '../errors.js'
import { sealRefused } from '../refusals.js'

/**
 * Row-level security's refusal as users should meet it. An adapter keeps the SQLSTATE and the message, and only the
 * message tells a policy from a missing grant: in a server that speaks another language than English it stays what it is.
 */
export function asUsersMeetIt(error: unknown): unknown {
  const { originalCode, originalMessage } = serverErrorIn(error)
  if (originalCode !== '42501' || !originalMessage?.includes('violates row-level security policy'))
    return sealRefused(originalCode, error) ?? error
  return new PolicyViolationError(error, /"([^"]*)"$/.exec(originalMessage)?.[1])
}

/** What an adapter keeps of the server's error, where it was one. */
export function serverErrorIn(error: unknown): { originalCode?: string; originalMessage?: string } {
  return (error as { cause?: object } | null)?.cause ?? {}
}
