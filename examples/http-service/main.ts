// node --import tsx examples/http-service/main.ts, with DATABASE_URL set to the app role's URL.
import { once } from 'node:events'
import { openDatabase } from './db.js'
import { createService } from './server.js'

const { DATABASE_URL, PORT = '3000' } = process.env
if (!DATABASE_URL) throw new Error('DATABASE_URL is not set: DATABASE_URL=postgresql://app_user:…@localhost:5432/app')

const { prisma, close } = openDatabase(DATABASE_URL)
const service = createService(prisma).listen(Number(PORT))
await once(service, 'listening')
console.log(`Listening on port ${PORT}.`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    service.close(() => void close())
    service.closeIdleConnections()
  })
}
