// A client in one mode behind a proxy, to show that a refusal came before anything was sent.
import { expect } from 'vitest'

import { withoutTenant } from '../../src/context.js'
import { isTenancyError } from '../../src/errors.js'
import type { TenantDatabase } from './database.js'
import { startFlightProxy } from './flight-proxy.js'
import { type Mode, type ModeOptions, openMode } from './modes.js'
import { startPostgres } from './postgres.js'

export type SilentLine = Awaited<ReturnType<typeof openSilentLine>>

export interface Refusal {
  readonly name: string
  readonly code: string
  readonly message: string
  readonly hint: string
}

export async function openSilentLine(mode: Mode, db: TenantDatabase, options: ModeOptions = {}) {
  const { host, port } = await startPostgres()
  const proxy = await startFlightProxy({ host, port })
  const opened = await openMode(mode, proxy.url(db.appUrl), options)
  // Connected, its role checked, and seen to work: from here on silence means that the library kept silent.
  await withoutTenant(() => opened.prisma.plan.findMany())
  expect(proxy.flights()).toBeGreaterThan(0)
  return {
    ...opened,
    proxy,
    /** What a call is refused with, without one flight; throws where it is not refused. */
    async refusalOf(call: () => unknown): Promise<Refusal> {
      proxy.reset()
      const outcome = await (async () => ({ result: await call() }))().catch((error: unknown) => ({ error }))
      expect({ flights: proxy.flights(), statements: proxy.statements() }).toEqual({ flights: 0, statements: [] })
      if (!('error' in outcome)) throw new Error('It was not refused.')
      if (!isTenancyError(outcome.error)) throw outcome.error
      const { name, code, message, hint } = outcome.error
      return { name, code, message, hint }
    },
    close: async () => {
      await opened.close()
      await proxy.stop()
    },
  }
}
