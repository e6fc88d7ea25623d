// The Prisma client of schema.prisma, generated when it is missing or out of date.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SCHEMA = 'test/support/schema.prisma'
const OUTPUT = 'generated/test'
const STAMP = 'stamp'

export async function generatePrismaClient(): Promise<void> {
  const stamp = await wantedStamp()
  if ((await readFile(join(ROOT, OUTPUT, STAMP), 'utf8').catch(() => '')) === stamp) return

  // Generated in a folder laid out like the checkout, since the schema names its output by a relative path, and moved
  // into place whole: a run beside this one never imports half a client.
  await mkdir(join(ROOT, 'generated'), { recursive: true })
  const building = await mkdtemp(join(ROOT, 'generated/.building-'))
  try {
    await mkdir(dirname(join(building, SCHEMA)), { recursive: true })
    await copyFile(join(ROOT, SCHEMA), join(building, SCHEMA))
    await generate(join(building, SCHEMA))
    await writeFile(join(building, OUTPUT, STAMP), stamp)
    await rename(join(ROOT, OUTPUT), join(building, 'old')).catch(ignore('ENOENT'))
    await rename(join(building, OUTPUT), join(ROOT, OUTPUT)).catch(ignore('ENOTEMPTY', 'EEXIST'))
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

async function generate(schema: string): Promise<void> {
  await run(process.execPath, [require.resolve('prisma/build/index.js'), 'generate', '--schema', schema], {
    cwd: ROOT,
    env: {
      ...process.env,
      // `generate` never runs the schema engine, but would download it: any file that exists stands in for it.
      PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY || process.execPath,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  })
}

/** For the loser of a race between two runs, which both made the same client. */
function ignore(...codes: string[]): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (!codes.includes(error.code ?? '')) throw error
  }
}

async function wantedStamp(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(ROOT, SCHEMA)))
  for (const name of ['prisma', '@prisma/client']) {
    const { version }: { version: string } = require(`${name}/package.json`)
    hash.update(`\n${name} ${version}`)
  }
  return hash.digest('hex')
}
