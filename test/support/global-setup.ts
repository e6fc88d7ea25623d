// Once per run, before vitest starts its workers: the generated client, one server, and the template database in it.
import { SHARED_SERVER, startPostgres } from './postgres.js'
import { generatePrismaClient } from './prisma-client.js'
import { createTemplate, dropTemplate } from './template.js'

export default async function setup(): Promise<() => Promise<void>> {
  const [server] = await Promise.all([startPostgres(), generatePrismaClient()])
  await createTemplate(server.adminUrl)
  process.env[SHARED_SERVER] = server.adminUrl
  return async () => {
    delete process.env[SHARED_SERVER]
    // A server of the user's own outlives the run; what was put there does not.
    await dropTemplate(server.adminUrl)
    await server.stop()
  }
}
