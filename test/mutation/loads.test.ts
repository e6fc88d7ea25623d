// For scripts/mutation.mjs: a mutant that keeps a module from loading is noticed. Stryker's runner counts failed tests,
// and a file that cannot be imported has none.
import { expect, test } from 'vitest'

test('the library loads', async () => {
  const library = await import('../../src/index.js')
  expect(library.TenantPool).toBeTypeOf('function')
})
