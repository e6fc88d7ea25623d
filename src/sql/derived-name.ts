import { createHash } from 'node:crypto'
import { longestIdentifier } from './quote.js'

/**
 * The name of an index or a constraint, derived from its table and columns as Prisma and PostgreSQL do it. A name of
 * more than 63 bytes is shortened and carries a hash of the full one, so that two long names never become one.
 *
 * @example derivedName(['projects', 'tenant_id', 'id'], 'idx') // projects_tenant_id_id_idx
 */
export function derivedName(parts: readonly string[], suffix: string): string {
  const full = [...parts, suffix].join('_')
  return Buffer.byteLength(full) <= longestIdentifier ? full : hashedName(parts, suffix)
}

/** The shortened form, also for names that are short but taken: `a`, `b_c` and `a_b`, `c` join to the same. */
export function hashedName(parts: readonly string[], suffix: string): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12)
  const ending = `_${hash}_${suffix}`
  return firstBytes(parts.join('_'), longestIdentifier - Buffer.byteLength(ending)) + ending
}

/** Cut between characters, never inside one. */
function firstBytes(text: string, bytes: number): string {
  let kept = ''
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > bytes) break
    kept += character
  }
  return kept
}
