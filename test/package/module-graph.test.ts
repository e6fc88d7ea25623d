// Proves that whoever imports an entry loads what that entry is for and nothing else: no framework, queue or telemetry
// comes with the main entry, and none with the entry of another.
import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { expect, test } from 'vitest'

import { bundle } from './bundle.js'

interface Manifest {
  exports: Record<string, string | { import: { default: string } }>
  peerDependencies: Record<string, string>
  peerDependenciesMeta: Record<string, { optional?: boolean }>
}
const manifest: Manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'))

/** The packages that each entry loads, all of them. Where there are none, its framework or queue is types only. */
const LOADS: Record<string, string[]> = {
  '.': ['@prisma/client/extension', 'pg'],
  './sql': [],
  './doctor': [],
  './testing': ['pg'],
  './telemetry': [],
  './jobs': [],
  './bullmq': [],
  './pg-boss': [],
  './graphile-worker': [],
  './express': [],
  './fastify': [],
  './hono': [],
  './nestjs': ['@nestjs/common', '@nestjs/core', 'rxjs'],
  // Not before a request or an action is there, which Next itself has called.
  './next': ["import('next/headers.js')"],
  './trpc': ['@trpc/server'],
}

/** The file of an entry's source, which has the place in src that its build has in dist. */
const sources = Object.entries(manifest.exports).flatMap(([entry, target]) =>
  typeof target === 'string'
    ? []
    : [[entry, target.import.default.replace(/^\.\/dist\/(.*)\.js$/, 'src/$1.ts')] as const],
)

test('every published entry is listed here', () => {
  expect(sources.map(([entry]) => entry).sort()).toEqual(Object.keys(LOADS).sort())
})

test.each(sources)('%s loads its own packages and no others', async (entry, file) => {
  const { imports } = await bundle(file)
  expect(imports.filter((name) => !isBuiltin(name))).toEqual(LOADS[entry])
  // What is built in is asked for by a name that no package can take.
  for (const name of imports.filter(isBuiltin)) expect(name).toMatch(/^node:/)
})

test('a peer that not everybody has is optional', () => {
  const needed = Object.keys(manifest.peerDependencies).filter((name) => !manifest.peerDependenciesMeta[name]?.optional)
  expect(needed.sort()).toEqual(['@prisma/adapter-pg', '@prisma/client', 'pg'])
  for (const name of Object.keys(manifest.peerDependenciesMeta))
    expect(manifest.peerDependencies).toHaveProperty([name])
})
