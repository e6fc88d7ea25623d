// What makes a callback run as whoever handed it over, whoever calls it: docs/losing-the-context.md names these three.
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { withTenant } from '../../src/context.js'
import type { Side } from './two-sides.js'

export const cures: Readonly<Record<string, (look: () => void, own: Side) => () => void>> = {
  'bound by AsyncResource.bind': (look) => AsyncResource.bind(look),
  'run in AsyncLocalStorage.snapshot()': (look) => {
    const here = AsyncLocalStorage.snapshot()
    return () => here(look)
  },
  'that opens its own scope':
    (look, { tenantId }) =>
    () =>
      void withTenant(tenantId, look),
}
