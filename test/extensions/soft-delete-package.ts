// The package of soft deletes reads the models from `@prisma/client`, where the older generator of clients puts them. The
// tests' client is of the newer one, so its models are put there.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { getDMMF } from '@prisma/get-dmmf'
import { Prisma } from '../../generated/test/client.js'

const require = createRequire(import.meta.url)

export function softDeletePackage(): typeof import('prisma-extension-soft-delete') {
  const datamodel = readFileSync(new URL('../support/schema.prisma', import.meta.url), 'utf8')
  const exports = { Prisma: { ...Prisma, dmmf: getDMMF({ datamodel }) } }
  const id = require.resolve('@prisma/client')
  require.cache[id] = { id, exports, loaded: true } as NodeJS.Module
  return require('prisma-extension-soft-delete')
}
