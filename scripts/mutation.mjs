// npm run mutation: breaks the source in thousands of small ways and counts which ones the tests notice. Not in CI.
//
//   npm run mutation -- gate context
//
// runs those areas, each with the tests that cover it; without arguments it lists them. What was run before and has not
// changed since is not run again. Prints the survivors, and writes .tmp/mutation/<area>.json (Stryker's report).
import { mkdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Stryker } from '@stryker-mutator/core'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

/** What is mutated, and the tests that are to notice. The fewer tests, the sooner it is done. */
const AREAS = {
  gate: { mutate: ['src/gate/*.ts'], tests: ['test/gate/*.test.ts'] },
  binding: {
    mutate: ['src/binding.ts'],
    tests: [
      'test/{ids,settings,configuration}.test.ts',
      'test/seal/modes.test.ts',
      'test/isolation/written-tenant.test.ts',
    ],
  },
  context: {
    mutate: ['src/context.ts'],
    tests: [
      'test/{ids,settings,keyed}.test.ts',
      'test/isolation/promises.test.ts',
      'test/telemetry/events.test.ts',
      'test/across/across.test.ts',
    ],
  },
  requests: {
    mutate: ['src/scope-requests.ts'],
    tests: ['test/isolation/{promises,transactions,shared-statements,client,written-tenant}.test.ts'],
  },
  pool: { mutate: ['src/pool/*.ts'], tests: ['test/isolation/*.test.ts', '!test/isolation/pro*.test.ts'] },
  portable: { mutate: ['src/portable/*.ts'], tests: ['test/isolation/*.test.ts', '!test/isolation/pro*.test.ts'] },
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in AREAS))
if (wanted.length === 0 || unknown.length > 0) {
  console.error(`npm run mutation -- AREA …, of ${Object.keys(AREAS).join(', ')}`)
  process.exit(2)
}

const scores = []
for (const area of wanted) {
  const { mutate, tests } = AREAS[area]
  process.env.TENANCY_MUTATION_TESTS = JSON.stringify(['test/mutation/*.test.ts', ...tests])
  await mkdir('.tmp/mutation', { recursive: true })
  const report = `.tmp/mutation/${area}.json`
  await new Stryker({
    mutate,
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'vitest.mutation.config.ts', related: false },
    concurrency: Number(process.env.MUTATION_CONCURRENCY ?? 2),
    incremental: true,
    incrementalFile: `.tmp/mutation/${area}.incremental.json`,
    tempDirName: '.tmp/stryker',
    ignorePatterns: ['/dist', '/coverage', '/docs', '**/.next'],
    reporters: ['clear-text', 'json', 'progress-append-only'],
    clearTextReporter: { logTests: false, reportTests: false },
    jsonReporter: { fileName: report },
    // A mutant of a loop that never ends is noticed by its time.
    timeoutMS: 60_000,
  }).runMutationTest()
  scores.push({ area, ...(await scoreOf(report)) })
}
console.table(scores)

async function scoreOf(report) {
  const { files } = JSON.parse(await readFile(report, 'utf8'))
  const counts = { Killed: 0, Timeout: 0, Survived: 0, NoCoverage: 0 }
  for (const { mutants } of Object.values(files)) {
    for (const { status } of mutants) if (status in counts) counts[status] += 1
  }
  const { Killed: killed, Timeout: timeout, Survived: survived, NoCoverage: uncovered } = counts
  const all = killed + timeout + survived + uncovered
  return { killed, timeout, survived, uncovered, score: `${((100 * (killed + timeout)) / all).toFixed(1)} %` }
}
