// node --import tsx examples/express-api/main.ts, with DATABASE_URL set to the app role's URL.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { openDatabase } from '../http-service/db.js'
import { createApp } from './app.js'

const { DATABASE_URL, PORT = '3000' } = process.env
if (!DATABASE_URL) throw new Error('DATABASE_URL is not set: DATABASE_URL=postgresql://app_user:…@localhost:5432/app')

const { prisma, close } = openDatabase(DATABASE_URL)
const server = createApp(prisma).listen(Number(PORT))
await once(server, 'listening')
console.log(`Listening on port ${(server.address() as AddressInfo).port}.`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // Takes no more requests, and leaves the database when the last answer is out.
    server.close(() => void close())
    server.closeIdleConnections()
    // Who is still being answered is let go then, and not kept for a next request.
    server.keepAliveTimeout = 1
  })
}
