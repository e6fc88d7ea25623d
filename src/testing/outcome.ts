import { isTenancyError, TenancyError, tenancyErrorWithin, withoutHint } from '../errors.js'

/** Why a call was refused, told by codes alone. */
export type Refusal =
  | 'policy'
  | 'no row'
  | 'foreign key'
  | 'unique'
  | 'not null'
  | 'check'
  | 'relation'
  | 'no scope'
  | 'grant'
  | 'trigger'
  | 'empty setting'
  | 'aborted'

/** What a call came to. `failed`: neither an answer nor a refusal, so that nothing is proved by it. */
export type Outcome =
  | { readonly answer: unknown }
  | { readonly refused: Refusal; readonly error: Error }
  | { readonly failed: Error }

const byPrismaCode: Readonly<Record<string, Refusal>> = {
  P2001: 'no row',
  P2002: 'unique',
  P2003: 'foreign key',
  P2011: 'not null',
  P2014: 'relation',
  P2015: 'no row',
  P2016: 'no row',
  P2017: 'no row',
  P2018: 'no row',
  P2025: 'no row',
}

const bySqlState: Readonly<Record<string, Refusal>> = {
  '23502': 'not null',
  '23503': 'foreign key',
  '23505': 'unique',
  '23514': 'check',
  // A policy that casts the setting of no tenant, or reads one that was never set.
  '22P02': 'empty setting',
  '42704': 'empty setting',
  P0001: 'trigger',
  // The scope is one transaction, and something before has failed in it.
  '25P02': 'aborted',
}

export async function outcomeOf(call: () => PromiseLike<unknown>): Promise<Outcome> {
  try {
    return { answer: await call() }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const refused = refusalOf(error)
    return refused === undefined ? { failed: error } : { refused, error }
  }
}

function refusalOf(error: Error): Refusal | undefined {
  const own = tenancyErrorWithin(error)
  if (own?.code === 'POLICY.VIOLATION') return 'policy'
  if (own?.code === 'ROLE.LACKS_PRIVILEGE') return 'grant'
  if (own?.code === 'TENANT.REQUIRED') return 'no scope'
  if (own) return undefined
  const { code: prismaCode } = error as { code?: unknown }
  // As Prisma rebuilds them, where nothing unwraps them again.
  if (prismaCode === 'TENANT.REQUIRED') return 'no scope'
  if (prismaCode === 'POLICY.VIOLATION') return 'policy'
  if (prismaCode === 'ROLE.LACKS_PRIVILEGE') return 'grant'
  const state = sqlStateOf(error)
  if (state === '42501') return /row-level security/i.test(textOf(error)) ? 'policy' : 'grant'
  return (
    (typeof prismaCode === 'string' ? byPrismaCode[prismaCode] : undefined) ??
    (state === undefined ? undefined : bySqlState[state])
  )
}

/** Prisma keeps the SQLSTATE at several depths, one for models, one for raw queries, one for what it does not know. */
export function sqlStateOf(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > 6) return undefined
  const { originalCode, code, meta, driverAdapterError, cause } = error as Record<string, unknown>
  for (const value of [originalCode, code])
    if (typeof value === 'string' && /^[0-9A-Z]{5}$/.test(value) && !/^P[12]\d{3}$/.test(value)) return value
  for (const inner of [meta, driverAdapterError, cause]) {
    const found = sqlStateOf(inner, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** All that the error and its causes say. */
export function textOf(error: unknown, depth = 0): string {
  if (typeof error !== 'object' || error === null || depth > 6) return ''
  const { message, originalMessage, meta, driverAdapterError, cause } = error as Record<string, unknown>
  return [
    typeof message === 'string' ? message : '',
    typeof originalMessage === 'string' ? originalMessage : '',
    ...[meta, driverAdapterError, cause].map((inner) => textOf(inner, depth + 1)),
  ].join(' ')
}

/** The last line of Prisma's message, which says what happened; the others show the call. */
export function lastLine(error: Error): string {
  const message = isTenancyError(error) ? withoutHint(error) : error.message
  return message.trim().split('\n').at(-1)?.trim() ?? message
}

export function unproven(message: string, hint: string, cause?: unknown): TenancyError {
  return new TenancyError('ISOLATION.UNPROVEN', message, { hint, cause })
}

/** Did the database refuse it for one of these reasons, or take it for no row at all? */
export function isRefusedBy(outcome: Outcome, kinds: readonly string[]): boolean {
  return ('refused' in outcome && kinds.includes(outcome.refused)) || ('answer' in outcome && outcome.answer === 0)
}

/** What an attacker can tell apart. */
export function told(outcome: Outcome): string {
  return 'refused' in outcome ? outcome.refused : 'answer' in outcome ? 'accepted' : outcome.failed.message
}
