// pg_dump, which no npm package brings: tests that need it say in their names why they are skipped.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Why this machine's pg_dump cannot dump a server of this major version, for a test's name, or `''`.
 *
 * @throws Error where it cannot and `REQUIRE_PG_DUMP` is set: CI installs it
 */
export async function whyNoDump(major: number): Promise<string> {
  const installed = await run('pg_dump', ['--version']).then(
    ({ stdout }) => Number(/(\d+)\./.exec(stdout)?.[1]),
    () => undefined,
  )
  if (installed !== undefined && installed >= major) return ''
  const why = installed === undefined ? 'there is no pg_dump' : `pg_dump ${installed} cannot dump PostgreSQL ${major}`
  if (process.env.REQUIRE_PG_DUMP) throw new Error(`REQUIRE_PG_DUMP is set, and ${why}.`)
  return ` (skipped: ${why})`
}
