// What the installed Prisma does where the versions of the peer range differ. Tests ask for the fact, not for the version.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** `maxWait` ends the wait for a connection. Before, a transaction was refused once it had its connection. */
export const ENDS_WAITS = since(1)

/** The client takes plugins that write comments into its SQL. */
export const COMMENTS_SQL = since(1)

/** A value that does not parse, such as an id, is a P2007. Before, it was an error that Prisma has no code for. */
export const KNOWS_BAD_VALUES = since(2)

/** A transaction's client has `$transaction`. */
export const NESTS = since(5)

/** PrismaPg takes `statementNameGenerator`. Before, it ignored it and prepared nothing by name. */
export const NAMES_STATEMENTS = since(6)

/** An error of PostgreSQL's that Prisma has no code for is a P2039. Before, it was the adapter's own. */
export const WRAPS_UNKNOWN_ERRORS = since(9)

/** Prisma writes many rows in one statement. Before, it opened a transaction around it. */
export const BARE_BULK_WRITES = since(10)

/** A deadlock is a write conflict. Before, it was an error that Prisma has no code for. */
export const KNOWS_DEADLOCKS = since(10)

/** Is Prisma 7.`minor` or later installed? Client and adapter come out together. */
function since(minor: number): boolean {
  const { version }: { version: string } = require('@prisma/client/package.json')
  const [major = 0, installed = 0] = version.split('.').map(Number)
  return major > 7 || (major === 7 && installed >= minor)
}
