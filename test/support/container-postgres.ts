// PostgreSQL in a container, for machines that have a runtime: the official images, as CI's matrix wants them.
import type { PostgresMajor } from './embedded-postgres.js'

const USE_EMBEDDED = 'or leave TEST_POSTGRES unset to use the embedded PostgreSQL.'

// The few members used here. Naming them keeps the types, and the package, out of installations that run embedded.
interface Container {
  getConnectionUri(): string
  stop(): Promise<unknown>
}
interface ContainerPackage {
  PostgreSqlContainer: new (image: string) => { withUsername(name: string): { start(): Promise<Container> } }
}

export async function startContainer(major: PostgresMajor): Promise<{ adminUrl: string; stop(): Promise<void> }> {
  const { PostgreSqlContainer } = await containerPackage()
  try {
    const container = await new PostgreSqlContainer(`postgres:${major}-alpine`).withUsername('postgres').start()
    return { adminUrl: container.getConnectionUri(), stop: async () => void (await container.stop()) }
  } catch (error) {
    if (!(error instanceof Error) || !/container runtime/i.test(error.message)) throw error
    throw new Error(`TEST_POSTGRES=docker needs a container runtime, and none answered: start Docker, ${USE_EMBEDDED}`)
  }
}

async function containerPackage(): Promise<ContainerPackage> {
  const name = '@testcontainers/postgresql'
  try {
    return await import(name)
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error(`TEST_POSTGRES=docker needs the package ${name}, and it is not installed: run npm ci, ${USE_EMBEDDED}`)
  }
}
