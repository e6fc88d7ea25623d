// PostgreSQL in a container, for machines that have a runtime: the official images, as CI's matrix wants them.
import { type PostgresMajor, TEST_SETTINGS } from './embedded-postgres.js'

const USE_EMBEDDED = 'or leave TEST_POSTGRES unset to use the embedded PostgreSQL.'

export async function startContainer(major: PostgresMajor): Promise<{ adminUrl: string; stop(): Promise<void> }> {
  const { PostgreSqlContainer } = await containerPackage()
  try {
    const container = await new PostgreSqlContainer(`postgres:${major}-alpine`)
      .withUsername('postgres')
      .withCommand([
        'postgres',
        ...Object.entries(TEST_SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ])
      .start()
    return { adminUrl: container.getConnectionUri(), stop: async () => void (await container.stop()) }
  } catch (error) {
    if (!(error instanceof Error) || !/container runtime/i.test(error.message)) throw error
    throw new Error(`TEST_POSTGRES=docker needs a container runtime, and none answered: start Docker, ${USE_EMBEDDED}`)
  }
}

/** Imported when asked for: whoever runs embedded need not have it. */
async function containerPackage(): Promise<typeof import('@testcontainers/postgresql')> {
  try {
    return await import('@testcontainers/postgresql')
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error(
      `TEST_POSTGRES=docker needs the package @testcontainers/postgresql, and it is not installed: run npm ci, ${USE_EMBEDDED}`,
    )
  }
}
