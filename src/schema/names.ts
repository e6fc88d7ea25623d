import { longestIdentifier } from '../sql/quote.js'

/** What Prisma ends a constraint's name with. */
export type NameSuffix = 'pkey' | 'key' | 'idx' | 'fkey'

/**
 * The name that Prisma gives a constraint or an index without `map:`. A long one is cut, and two long ones can become
 * the same.
 *
 * @see https://www.prisma.io/docs/orm/prisma-schema/data-model/database-mapping#constraint-and-index-names
 */
export function prismaName(table: string, columns: readonly string[], suffix: NameSuffix): string {
  const base = (suffix === 'pkey' ? [table] : [table, ...columns]).join('_')
  return `${firstBytes(base, longestIdentifier - suffix.length - 1)}_${suffix}`
}

/** Would Prisma have to cut it? */
export function isCut(table: string, columns: readonly string[], suffix: NameSuffix): boolean {
  const full = [table, ...(suffix === 'pkey' ? [] : columns), suffix].join('_')
  return Buffer.byteLength(full) > longestIdentifier
}

function firstBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  let kept = ''
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > bytes) break
    kept += character
  }
  return kept
}
