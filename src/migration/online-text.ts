import { createHash } from 'node:crypto'
import type { Step } from './step.js'

/** Stands beside `migration.sql`: how the same steps are done on a live database. Prisma passes it over. */
export const onlineFile = 'online.json'

export const onlineFormat = 1

export interface OnlineContent {
  readonly format: number
  /** {@link textChecksum} of `migration.sql`. */
  readonly checksum: string
  /** Their SQL stands in `migration.sql`, their reverse in `down.sql`. */
  readonly steps: readonly Omit<Step, 'sql' | 'down'>[]
}

/**
 * The text of {@link onlineFile}. Once the schema is edited, nobody could tell any more which column or key was new, and
 * how to get there without stopping anybody: the migration keeps it.
 */
export function onlineText(sql: string, steps: readonly Step[]): string {
  const content: OnlineContent = {
    format: onlineFormat,
    checksum: textChecksum(sql),
    steps: steps.map(({ key, title, table, done, online }) => ({ key, title, table, done, online })),
  }
  return `${JSON.stringify(content, undefined, 1)}\n`
}

/** SHA-256 of a text, whichever line breaks Git gave it. */
export function textChecksum(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
}
