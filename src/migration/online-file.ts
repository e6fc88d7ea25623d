import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TenancyError } from '../errors.js'
import { migrationNames } from './files.js'
import { type OnlineContent, onlineFile, onlineFormat, textChecksum } from './online-text.js'
import type { Step } from './step.js'

// A step begins with its title and its key.
const HEAD = /^-- .*\n-- tenancy: .+\n/gm

/** A migration of ours, as it is on disk. */
export interface WrittenMigration {
  readonly name: string
  /** What its `migration.sql` contains. */
  readonly sql: string
  /**
   * The same as steps; or why there are none: `missing`, there is no online.json; `changed`, `migration.sql` is no longer
   * what was written, so that the steps would do something else.
   */
  readonly steps: readonly Step[] | 'missing' | 'changed'
}

/**
 * The migrations that this command wrote, in the order in which Prisma applies them.
 *
 * @throws TenancyError `CONFIG.INVALID` for an online.json that is none
 */
export async function tenancyMigrations(migrations: string): Promise<WrittenMigration[]> {
  const found: WrittenMigration[] = []
  for (const name of await migrationNames(migrations)) {
    const sql = await textOf(join(migrations, name, 'migration.sql'))
    const heads = [...(sql ?? '').replaceAll('\r\n', '\n').matchAll(HEAD)]
    if (sql === undefined || heads.length === 0) continue
    const online = await textOf(join(migrations, name, onlineFile))
    found.push({ name, sql, steps: online === undefined ? 'missing' : stepsOf(name, sql, heads, online) })
  }
  return found
}

function stepsOf(name: string, sql: string, heads: readonly RegExpExecArray[], online: string): Step[] | 'changed' {
  const content = contentOf(name, online)
  if (content.checksum !== textChecksum(sql)) return 'changed'
  const text = sql.replaceAll('\r\n', '\n')
  const bodies = heads.map((head, n) => text.slice(head.index + head[0].length, heads[n + 1]?.index))
  return content.steps.map((step, n) => ({ ...step, sql: bodies[n] ?? '', down: '' }))
}

function contentOf(name: string, online: string): OnlineContent {
  let content: OnlineContent | undefined
  try {
    content = JSON.parse(online)
  } catch {
    // Said below.
  }
  if (content?.format === onlineFormat) return content
  throw new TenancyError('CONFIG.INVALID', `${name}/${onlineFile} is not what this version of tenancy writes.`, {
    hint: 'Put the file back as it was written, or apply the migration with: npx prisma migrate deploy',
  })
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
