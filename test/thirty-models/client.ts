// A Prisma client of whatever schema a test has in hand, made once per content.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import type { SchemaFile } from './schema-files.js'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const CLIENTS = fileURLToPath(new URL('../../generated/thirty-models', import.meta.url))

export type Delegate = Record<string, (args?: object) => Promise<unknown>>

/** A client whose models are not known when this is compiled. */
export type AnyClient = Record<string, Delegate> & {
  $queryRawUnsafe<T = unknown[]>(sql: string, ...values: unknown[]): Promise<T>
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>
  $transaction<T>(fn: (tx: AnyClient) => Promise<T>, options?: object): Promise<T>
  $extends(extension: unknown): AnyClient
  $disconnect(): Promise<void>
}

/** The class of the generated client, generated where that was not done yet. */
export async function clientClassOf(
  files: readonly SchemaFile[],
): Promise<new (options: { adapter: unknown }) => AnyClient> {
  const hash = createHash('sha256').update(JSON.stringify(files))
  for (const name of ['prisma', '@prisma/client']) hash.update(require(`${name}/package.json`).version)
  const folder = join(CLIENTS, hash.digest('hex').slice(0, 16))
  const isThere = await access(folder).then(
    () => true,
    () => false,
  )
  if (!isThere) await generate(files, folder)
  const module: { PrismaClient: new (options: { adapter: unknown }) => AnyClient } = await import(
    /* @vite-ignore */ pathToFileURL(join(folder, 'client.ts')).href
  )
  return module.PrismaClient
}

/** Elsewhere first and moved into place whole: a test beside this one never imports half a client. */
async function generate(files: readonly SchemaFile[], folder: string): Promise<void> {
  await mkdir(CLIENTS, { recursive: true })
  const building = await mkdtemp(join(CLIENTS, '.building-'))
  try {
    await mkdir(join(building, 'schema'))
    for (const { path, text } of files) {
      await writeFile(join(building, 'schema', path), text.replace(/output\s*=\s*".*"/, 'output = "../client"'))
    }
    await run(process.execPath, [require.resolve('prisma/build/index.js'), 'generate', '--schema', 'schema'], {
      cwd: building,
      env: {
        ...process.env,
        // `generate` never runs the schema engine, but would download it: any file that exists stands in for it.
        PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY || process.execPath,
        CHECKPOINT_DISABLE: '1',
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
      },
    })
    await rename(join(building, 'client'), folder).catch((error: NodeJS.ErrnoException) => {
      // The loser of a race between two test files, which both made the same client.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}
