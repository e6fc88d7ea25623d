// What a worker to be killed does: each job writes a project through Prisma, in its tenant, until `ends` have ended; those
// that begin then never end, and every second of them has written. So what dies with the worker is known to the job, and
// no test has to be quick enough to hit the middle.
import { randomUUID } from 'node:crypto'
import { currentTenant } from 'prisma-extension-tenancy'
import { openMode } from '../support/modes.js'

interface Work {
  readonly name: string
  readonly owner: string
}

/** A project that only this run made: a job that runs twice has two. */
export const nameOfRun = (prefix: string, job: string): string => `${prefix}${job}#${randomUUID()}`

/** Tells the parent process when `holds` jobs are held, as many as this worker runs at a time, or one is not in its tenant. */
export async function stoppingWork(
  appUrl: string,
  prefix: string,
  { ends, holds }: { readonly ends: number; readonly holds: number },
): Promise<(work: Work) => Promise<void>> {
  const { prisma } = await openMode('pool', appUrl, { max: 8 })
  const write = async ({ name, owner }: Work): Promise<void> => {
    if (currentTenant() !== owner) process.send?.(`'${name}' of ${owner} runs as ${currentTenant()}`)
    await prisma.project.create({ data: { name: nameOfRun(prefix, name) } })
  }
  let ended = 0
  let begun = 0
  let held = 0
  return async (work) => {
    if (ended >= ends) {
      if (begun++ % 2 === 0) await write(work)
      held += 1
      if (held === holds) process.send?.('held')
      await new Promise(() => {})
    }
    await write(work)
    ended += 1
  }
}
