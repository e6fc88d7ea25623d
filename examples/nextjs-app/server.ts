import { openDatabase } from '../http-service/db.js'
import { Sessions } from '../http-service/sessions.js'

interface Server {
  readonly database: ReturnType<typeof openDatabase>
  readonly sessions: Sessions
}

// One of each, however many bundles Next puts this file into, and however often `next dev` loads it again.
const held = globalThis as { exampleServer?: Server }

// Nothing connects before the first query: `next build` loads this too, and has no database.
held.exampleServer ??= { database: openDatabase(process.env.DATABASE_URL ?? ''), sessions: new Sessions() }

export const { sessions } = held.exampleServer
export const { prisma } = held.exampleServer.database
