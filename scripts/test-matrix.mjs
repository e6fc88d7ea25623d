// npm run test:matrix: the tests on the first, a middle and the newest Prisma 7, and on PostgreSQL 15 to 18. A cross, not
// a product: every Prisma on PostgreSQL 15, every PostgreSQL on the newest Prisma.
//
//   npm run test:matrix -- --prisma 7.0.1 --postgres 15 test/isolation
//
// runs the entries with that Prisma and that PostgreSQL, and only the test files whose paths match.
import { execFile, spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const newest = createRequire(import.meta.url)('../package.json').devDependencies.prisma
const MATRIX = [
  { prisma: '7.0.1', postgres: '15' },
  { prisma: '7.5.0', postgres: '15' },
  ...['15', '16', '17', '18'].map((postgres) => ({ prisma: newest, postgres })),
]

const { values: only, positionals: files } = parseArgs({
  allowPositionals: true,
  options: { prisma: { type: 'string' }, postgres: { type: 'string' } },
})
const wanted = MATRIX.filter(
  ({ prisma, postgres }) => (only.prisma ?? prisma) === prisma && (only.postgres ?? postgres) === postgres,
)
if (wanted.length === 0) throw new Error(`No such entry. There are: ${MATRIX.map(titleOf).join(', ')}.`)

const results = []
const folder = await mkdtemp(join(tmpdir(), 'tenancy-matrix-'))
try {
  await copyProject(folder)
  await npm('ci')
  let installed = newest
  for (const entry of wanted) {
    console.log(`\n== ${titleOf(entry)}\n`)
    if (entry.prisma !== installed) {
      await npm('install', '--no-save', ...prismaPackages(entry.prisma))
      installed = entry.prisma
    }
    results.push({ ...entry, ...(await test(entry)) })
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}

console.log()
console.table(
  results.map(({ prisma, postgres, passed, failed, skipped, seconds }) => ({
    prisma,
    postgres,
    passed,
    failed,
    skipped,
    seconds,
  })),
)
for (const { failures, ...entry } of results) {
  if (failures.length > 0) console.log(`\n${titleOf(entry)}:\n${failures.join('\n')}`)
}
process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1

function titleOf({ prisma, postgres }) {
  return `Prisma ${prisma} on PostgreSQL ${postgres}`
}

/** The newest client has no release beside the newest adapter; all others come out together. */
function prismaPackages(version) {
  const { '@prisma/client': client } = createRequire(import.meta.url)('../package.json').devDependencies
  return [
    `prisma@${version}`,
    `@prisma/client@${version === newest ? client : version}`,
    `@prisma/adapter-pg@${version}`,
  ]
}

/** What git has or would take: no generated clients, no build of another version. */
async function copyProject(to) {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: root,
    maxBuffer: 2 ** 26,
  })
  for (const file of new Set(stdout.split('\0'))) {
    if (file !== '') await cp(join(root, file), join(to, file)).catch(ignoreMissing)
  }
}

function ignoreMissing(error) {
  if (error.code !== 'ENOENT') throw error
}

async function npm(...args) {
  const code = await run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], {})
  if (code !== 0) throw new Error(`npm ${args.join(' ')} failed.`)
}

async function test({ postgres }) {
  const report = join(folder, 'report.json')
  await rm(report, { force: true })
  const start = performance.now()
  const code = await run(
    process.execPath,
    [
      join(folder, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=dot',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...files,
    ],
    { TEST_POSTGRES_MAJOR: postgres },
  )
  const seconds = Math.round((performance.now() - start) / 1000)
  const json = JSON.parse(await readFile(report, 'utf8').catch(() => '{ "testResults": [] }'))
  const failures = json.testResults.flatMap(({ name, message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed')
    if (failed.length === 0) return message ? [`  ${name.slice(folder.length + 1)}: ${firstLine(message)}`] : []
    return failed.map(({ fullName, failureMessages }) => `  ${fullName}: ${firstLine(failureMessages[0])}`)
  })
  return {
    code,
    seconds,
    failures,
    passed: json.numPassedTests,
    failed: json.numFailedTests,
    skipped: json.numPendingTests,
  }
}

function firstLine(text = '') {
  return text.split('\n', 1)[0]
}

function run(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: 'inherit' })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}
