// The Prisma client of schema.prisma, generated when it is missing or out of date.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

const ROOT = new URL('../../', import.meta.url)
const SCHEMA = new URL('test/support/schema.prisma', ROOT)
const STAMP = new URL('generated/test.stamp', ROOT)

export async function generatePrismaClient(): Promise<void> {
  const stamp = await wantedStamp()
  if ((await readFile(STAMP, 'utf8').catch(() => '')) === stamp) return
  await run(process.execPath, [require.resolve('prisma/build/index.js'), 'generate', '--schema', fileURLToPath(SCHEMA)], {
    cwd: fileURLToPath(ROOT),
    env: {
      ...process.env,
      // `generate` never runs the schema engine, but would download it: any file that exists stands in for it.
      PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY || process.execPath,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  })
  await writeFile(STAMP, stamp)
}

async function wantedStamp(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(SCHEMA))
  for (const name of ['prisma', '@prisma/client']) {
    const { version }: { version: string } = require(`${name}/package.json`)
    hash.update(`\n${name} ${version}`)
  }
  return hash.digest('hex')
}
