// Proves that the published package loads whichever way a service is built, and that two copies of it in one process,
// one from ESM and one from CommonJS, are one library.
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PrismaClient } from '../../generated/test/client.js'
import { createTestDatabase, seedTenants, type TenantDatabase } from '../support/database.js'
import { type InstalledPackage, installPackage } from './installed-package.js'

type Library = typeof import('prisma-extension-tenancy')

let installed: InstalledPackage
let manifest: { exports: Record<string, unknown> }
beforeAll(async () => {
  installed = await installPackage()
  manifest = JSON.parse(await readFile(join(installed.folder, 'package.json'), 'utf8'))
}, 240_000)
afterAll(() => installed?.remove())

/** The entries that load their framework. The other frameworks are types only, and /next loads its own inside Next. */
const FRAMEWORKS: Record<string, string[]> = {
  trpc: ['@trpc/server'],
  nestjs: ['@nestjs/common', '@nestjs/core', 'rxjs'],
}

test('a framework is loaded by its own entry alone, and is all that the entry needs', async () => {
  for (const name of ['express', 'fastify', 'hono', 'next', 'react', ...Object.values(FRAMEWORKS).flat()]) {
    await expect(installed.run('absent.mjs', `import '${name}'`)).rejects.toThrow('ERR_MODULE_NOT_FOUND')
  }
  for (const entry of ['express', 'fastify', 'hono', 'next']) {
    await installed.run('load.mjs', `import 'prisma-extension-tenancy/${entry}'`)
  }
  for (const [entry, peers] of Object.entries(FRAMEWORKS)) {
    const load = () => installed.run('load.mjs', `import 'prisma-extension-tenancy/${entry}'`)
    await expect(load()).rejects.toThrow('ERR_MODULE_NOT_FOUND')
    await installed.add(...peers)
    await load()
  }
})

test('every published entry loads from ESM and from CommonJS, with the same names', async () => {
  const entries = Object.keys(manifest.exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => join('prisma-extension-tenancy', entry))
  expect(entries.length).toBeGreaterThanOrEqual(2)
  for (const entry of entries) {
    const esm = await installed.run('load.mjs', `console.log(JSON.stringify(Object.keys(await import('${entry}'))))`)
    const cjs = await installed.run('load.cjs', `console.log(JSON.stringify(Object.keys(require('${entry}'))))`)
    const names: string[] = JSON.parse(esm)
    expect(names.length, entry).toBeGreaterThan(0)
    expect(names).not.toContain('default')
    expect(JSON.parse(cjs).sort()).toEqual(names.sort())
  }
})

test('the entries of the queues need no queue: they have loaded where none is installed', async () => {
  for (const queue of ['bullmq', 'pg-boss', 'graphile-worker']) {
    expect(manifest.exports).toHaveProperty([`./${queue}`])
    await expect(installed.run('absent.mjs', `import '${queue}'`)).rejects.toThrow('ERR_MODULE_NOT_FOUND')
  }
})

test('what is not published cannot be loaded', async () => {
  for (const name of ['context', 'prisma-internals', 'pool/tenant-pool', 'gate/statement', 'dist/index.js']) {
    const load = installed.run('load.mjs', `await import('prisma-extension-tenancy/${name}')`)
    await expect(load).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
  }
})

test('the tarball holds the build, what describes it, and no path of the machine that built it', async () => {
  const files = (await readdir(installed.folder, { recursive: true, withFileTypes: true })).filter((file) =>
    file.isFile(),
  )
  const paths = files.map((file) => join(file.parentPath, file.name).slice(installed.folder.length + 1))
  const expected = /^(?:dist\/.+\.(?:js|cjs|d\.ts|d\.cts|map)|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/
  expect(paths.filter((path) => !expected.test(path))).toEqual([])
  expect(paths).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.cjs', 'dist/index.d.ts', 'LICENSE']))
  const root = new URL('../..', import.meta.url).pathname
  for (const path of paths) expect(await readFile(join(installed.folder, path), 'utf8')).not.toContain(root)
})

describe('an ESM and a CommonJS copy in one process', () => {
  const [A, B] = ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'] as const
  let esm: Library
  let cjs: Library
  beforeAll(async () => {
    esm = await import(pathToFileURL(join(installed.folder, 'dist/index.js')).href)
    cjs = createRequire(join(installed.project, 'index.js'))('prisma-extension-tenancy')
  })
  const pairs = [
    { first: 'ESM', second: 'CommonJS', copies: () => [esm, cjs] as const },
    { first: 'CommonJS', second: 'ESM', copies: () => [cjs, esm] as const },
  ]

  test('are two copies', () => {
    expect(esm.TenantPool).not.toBe(cjs.TenantPool)
    expect(esm.NoTenantError).not.toBe(cjs.NoTenantError)
  })

  describe.each(pairs)('$first first, $second second', ({ copies }) => {
    test('a scope of the first is the scope of the second', async () => {
      const [first, second] = copies()
      expect(await first.withTenant(A, () => second.currentTenant())).toBe(A)
      expect(await first.withTenant(A, () => second.withTenant(B, () => first.currentTenant()))).toBe(B)
      expect(await first.withTenant(A, () => second.withoutTenant(() => first.tryCurrentTenant()))).toBeUndefined()
      expect(second.tryCurrentTenant()).toBeUndefined()
    })

    test('what ids are to a client of the first, they are to the second', async () => {
      const [first, second] = copies()
      const pool = new first.TenantPool({ tenantId: 'int' })
      expect(await second.withTenant(7, () => first.currentTenant())).toBe('7')
      expect(() => new second.TenantPool({ tenantId: 'text' })).toThrow(
        expect.objectContaining({ code: 'CONFIG.INVALID' }),
      )
      await pool.end()
      await new second.TenantPool().end()
    })

    test('an error of the first is one to the second', async () => {
      const [first, second] = copies()
      const error = await first.withTenant('', () => {}).catch((error: unknown) => error)
      expect(error).not.toBeInstanceOf(second.TenancyError)
      expect(second.isTenancyError(error)).toBe(true)
      expect(second.isTenancyError(new Error('another'))).toBe(false)
    })

    test('a pool of the first serves a client of the second', async () => {
      const [first, second] = copies()
      const db: TenantDatabase = await createTestDatabase()
      const pool = new first.TenantPool({ connectionString: db.appUrl, max: 2 })
      const base = new PrismaClient({ adapter: new PrismaPg(pool) })
      try {
        const tenants = await seedTenants(db, [
          'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
          'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
        ])
        const prisma = base.$extends(second.tenancy({ pool }))
        for (const library of [first, second]) {
          for (const { tenantId, projectIds } of tenants) {
            const rows = await library.withTenant(tenantId, () => prisma.project.findMany())
            expect(rows.map(({ id }) => id).sort()).toEqual([...projectIds].sort())
            const raw = await library.withTenant(tenantId, () => pool.query('SELECT id FROM projects'))
            expect(raw.rows).toHaveLength(projectIds.length)
          }
        }
        const refused = await prisma.project.findMany().catch((error: unknown) => error)
        expect(refused).toMatchObject({ code: 'TENANT.REQUIRED' })
        expect(() => prisma.$extends(first.tenancy({ pool }))).toThrow('applied to this client already')
      } finally {
        await base.$disconnect()
        await pool.end()
        await db.drop()
      }
    })
  })
})

describe('the command', () => {
  test('is needed by no entry: all of them have loaded where none of its dependencies are', async () => {
    const { dependencies } = JSON.parse(await readFile(join(installed.folder, 'package.json'), 'utf8'))
    expect(Object.keys(dependencies)).toContain('commander')
    for (const name of Object.keys(dependencies)) {
      await expect(installed.run('absent.mjs', `import '${name}'`)).rejects.toThrow('ERR_MODULE_NOT_FOUND')
    }
    const sources = await readdir(join(installed.folder, 'dist'), { recursive: true })
    for (const file of sources.filter((name) => /^(?!cli).*\.c?js$/.test(name))) {
      const text = await readFile(join(installed.folder, 'dist', file), 'utf8')
      for (const name of Object.keys(dependencies)) expect(text).not.toContain(`"${name}"`)
    }
  })

  test('is the file that bin names, runs under Node, and loads what a command needs only when that runs', async () => {
    await installed.addDependencies()
    const { bin, version } = JSON.parse(await readFile(join(installed.folder, 'package.json'), 'utf8'))
    const file = join(installed.folder, bin.tenancy)
    expect(await readFile(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    const runs = (args: string) =>
      `process.argv.push(...${args}); await import(${JSON.stringify(pathToFileURL(file).href)})`
    expect(await installed.run('version.mjs', runs("['--version']"))).toBe(`${version}\n`)
    // Loaded modules of CommonJS packages stand in require.cache, and the parser is one.
    const cached = `import { createRequire } from 'node:module'
${runs("['--help']")}
const loaded = Object.keys(createRequire(import.meta.url).cache)
console.log(JSON.stringify(loaded.filter((path) => /prisma-schema-wasm|cli-progress|node_modules.pg/.test(path))))`
    expect((await installed.run('help.mjs', cached)).trimEnd().split('\n').at(-1)).toBe('[]')
  })
})
