// pgTAP, which Debian has as a package of SQL: tests that need it say in their names why they are skipped.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

const FOLDER = '/usr/share/postgresql'

/** The SQL that makes pgTAP's functions; undefined where it is not installed. `PGTAP_SQL` names a file elsewhere. */
export async function pgTapSql(): Promise<string | undefined> {
  const given = process.env.PGTAP_SQL
  if (given) return readFile(given, 'utf8')
  for (const major of await readdir(FOLDER).catch(() => [])) {
    const folder = join(FOLDER, major, 'extension')
    const names = await readdir(folder).catch(() => [])
    const name = names
      .filter((each) => /^pgtap--\d+\.\d+\.\d+\.sql$/.test(each))
      .sort()
      .at(-1)
    if (name) return readFile(join(folder, name), 'utf8')
  }
  return undefined
}

/**
 * Why there is no pgTAP, for a test's name, or `''`.
 *
 * @throws Error where there is none and `REQUIRE_PGTAP` is set: CI installs it
 */
export async function whyNoPgTap(): Promise<string> {
  if ((await pgTapSql()) !== undefined) return ''
  if (process.env.REQUIRE_PGTAP) throw new Error('REQUIRE_PGTAP is set, and there is no pgTAP.')
  return ' (skipped: pgTAP is not installed)'
}
