// Proves how large the main entry is where it is bundled, as a function on a serverless platform is: minified and
// gzipped, without its peers.
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'

import { bundle } from './bundle.js'

test('the main entry is at most 32 kB minified and gzipped; the goal of 12 is missed', async () => {
  const { code } = await bundle('src/index.ts')
  const size = gzipSync(code, { level: 9 }).length
  expect(size).toBeLessThanOrEqual(32_000)
  // Less than the goal would be news, or an entry that is not there.
  expect(size).toBeGreaterThan(12_000)
})
