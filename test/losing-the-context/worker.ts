// A thread with a client of its own: says whose rows a query gets, in no scope and in that of each payload it is sent.
import { parentPort, workerData } from 'node:worker_threads'
import { isTenancyError } from '../../src/errors.js'
import { withTenantFromPayload } from '../../src/jobs/index.js'
import { type Mode, openMode } from '../support/modes.js'

const { mode, url, payload } = workerData as { mode: Mode; url: string; payload: unknown }
const { prisma, close } = await openMode(mode, url, { max: 2 })

async function owners(): Promise<string[]> {
  try {
    const rows = await prisma.project.findMany({ distinct: ['tenantId'] })
    return rows.map(({ tenantId }) => tenantId)
  } catch (error) {
    return [isTenancyError(error) ? error.code : String(error)]
  }
}

const inScope = (data: unknown) => withTenantFromPayload({ data }, owners)

parentPort?.postMessage({ started: { inNoScope: await owners(), asPayload: payload && (await inScope(payload)) } })
parentPort?.on('message', async (message: { n: number; payload?: unknown } | 'end') => {
  if (message === 'end') {
    await close()
    parentPort?.close()
    return
  }
  const seen = message.payload === undefined ? await owners() : await inScope(message.payload)
  parentPort?.postMessage({ n: message.n, seen })
})
