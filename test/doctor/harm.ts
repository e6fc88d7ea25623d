import { quoteIdentifier, quoteLiteral } from '../../src/sql/index.js'
import { a } from './world.js'

type Rows = readonly Record<string, unknown>[]

/** Is a row of the other tenant among them? */
export const othersRows = (rows: Rows): boolean => rows.some((row) => row['tenant_id'] === a)

/** Did the statement run? A refusal is a row with what it failed with. */
export const happened = (rows: Rows): boolean => !rows.some((row) => row['failed'] !== undefined)

/** Was it refused or stopped by this SQLSTATE, which tells what was in a hidden row? */
export const stoppedBy =
  (state: string) =>
  (rows: Rows): boolean =>
    rows.some((row) => row['failed'] === state)

/** SQL that makes an app role of a fixture's own: the world's belongs to every test on the server. */
export function makeAppRole(role: string, attributes = ''): string {
  const name = quoteIdentifier(role)
  return `CREATE ROLE ${name} LOGIN PASSWORD ${quoteLiteral(role)} ${attributes};
    GRANT SELECT, INSERT, UPDATE, DELETE ON projects, tasks TO ${name};`
}
