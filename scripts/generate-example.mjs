// Generates the Prisma client of examples/http-service where it is missing or out of date. Any number of these may run
// at once, and beside programs that are loading the client.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

const root = fileURLToPath(new URL('..', import.meta.url))
const generated = join(root, 'generated')
const output = join(generated, 'example')
const stampFile = join(generated, 'example.stamp')
const schema = 'examples/http-service/prisma/schema.prisma'

const stamp = await wantedStamp()
if (stamp !== (await stampOf(output))) {
  await mkdir(generated, { recursive: true })
  // Built elsewhere first: `prisma generate` empties its output folder, and somebody may be reading there. Below the
  // root, since that is where Prisma looks for node_modules; at the schema's own path, since the output is relative to it.
  const elsewhere = await mkdtemp(join(generated, '.example-'))
  try {
    await cp(join(root, schema), join(elsewhere, schema))
    await generate(join(elsewhere, schema))
    await replaceFolder(join(elsewhere, 'generated/example'), output)
    await replaceFile(stampFile, stamp)
  } finally {
    await rm(elsewhere, { recursive: true, force: true })
  }
}

async function generate(schemaPath) {
  await run(process.execPath, [require.resolve('prisma/build/index.js'), 'generate', '--schema', schemaPath], {
    cwd: root,
    env: {
      ...process.env,
      // `generate` never runs the schema engine, but would download it: any file that exists stands in for it.
      PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY || process.execPath,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  })
}

/** File by file, each in one step, and only those that differ: what two generators write is the same. */
async function replaceFolder(from, to) {
  const wanted = await filesIn(from)
  for (const file of wanted) {
    const [before, after] = await Promise.all([textOf(join(to, file)), readFile(join(from, file), 'utf8')])
    if (before === after) continue
    await mkdir(dirname(join(to, file)), { recursive: true })
    await replaceFile(join(to, file), after)
  }
  const former = (await filesIn(to)).filter((file) => !wanted.includes(file))
  await Promise.all(former.map((file) => rm(join(to, file), { force: true })))
}

async function replaceFile(path, text) {
  const temporary = join(generated, `.${process.pid}.${createHash('sha256').update(path).digest('hex').slice(0, 12)}`)
  await writeFile(temporary, text)
  await rename(temporary, path)
}

async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

/** What the client was made from; undefined where there is none, whatever the stamp says. */
async function stampOf(folder) {
  return (await textOf(join(folder, 'client.ts'))) === undefined ? undefined : textOf(stampFile)
}

async function wantedStamp() {
  const hash = createHash('sha256').update(await readFile(join(root, schema)))
  for (const name of ['prisma', '@prisma/client']) hash.update(`\n${name} ${require(`${name}/package.json`).version}`)
  return hash.digest('hex')
}

function textOf(path) {
  return readFile(path, 'utf8').catch(() => undefined)
}
