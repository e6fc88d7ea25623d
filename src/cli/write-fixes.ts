import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Fixes } from '../doctor/report/fix.js'
import { printable } from '../doctor/report/printable.js'
import { migrationNames, writeMigrationFiles } from '../migration/files.js'
import { count } from './output.js'

const NAME = 'tenancy_doctor'

export interface WrittenFixes {
  /** undefined: there was nothing to write. */
  readonly path: string | undefined
  /** It stood there already. */
  readonly before: boolean
}

/** A fix that was written and not applied yet is not written a second time. */
export async function writeFixes(migrations: string, { sql, statements }: Fixes): Promise<WrittenFixes> {
  if (sql === '') return { path: undefined, before: false }
  for (const name of (await migrationNames(migrations)).filter((each) => each.endsWith(NAME))) {
    const path = join(migrations, name, 'migration.sql')
    const text = await readFile(path, 'utf8').catch(() => '')
    if (text.startsWith(statements)) return { path, before: true }
  }
  const { folder } = await writeMigrationFiles(migrations, NAME, { 'migration.sql': sql })
  return { path: join(folder, 'migration.sql'), before: false }
}

/** What Prisma compares its schema with. Policies, grants and roles are none of its business. */
const inSchema = [
  'tenant-column-nullable',
  'tenant-index-missing',
  'sealed-without-index',
  'foreign-key-without-tenant',
]

/** For people. */
export function aboutFixes({ mechanical, forPeople }: Fixes, { path, before }: WrittenFixes, folder: string): string[] {
  const shown = path && relative(folder, path)
  return [
    '',
    shown === undefined
      ? 'Nothing can be fixed without a decision: no migration was written.'
      : before
        ? `${shown} has these fixes already. Read it, then: npx prisma migrate deploy`
        : `Wrote ${shown}, which fixes ${count(mechanical.length, 'finding')}. Read it, then: npx prisma migrate deploy`,
    ...(shown !== undefined && mechanical.some(({ rule }) => inSchema.includes(rule))
      ? ['Its indexes and keys belong into schema.prisma too, or the next prisma migrate dev takes them back.']
      : []),
    ...(forPeople.length > 0 ? [`${count(forPeople.length, 'finding')} for a person to decide:`] : []),
    ...forPeople.map(({ rule, object }) => `  ${rule}: ${printable(object)}`),
  ]
}
