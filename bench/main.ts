// The benchmark: see `npm run bench -- --help`. scripts/bench.mjs starts it.
import { mkdir, writeFile } from 'node:fs/promises'

import { chart } from './chart.js'
import { checkAnswers } from './check-answers.js'
import { type Contestant, type ContestantName, contestantNames, openContestant } from './contestants.js'
import { type Policies, startDatabases } from './databases.js'
import { measure } from './measure.js'
import { operations, writing } from './operations.js'
import { type BenchOptions, readOptions, type Statements, usage } from './options.js'
import { readmeTable } from './readme-table.js'
import { blocksOf, type Cell, environment, figuresOf, type Results, toJson } from './results.js'
import { startSlowNetwork } from './slow-network.js'
import { footnotes, table } from './table.js'
import { verdicts } from './verdict.js'

const OUTPUT = new URL('results/', import.meta.url)

const options = optionsOrExit()
if (options.quick) console.log('A quick run: short measurements, for a first impression. It keeps no results.\n')
const machine = environment()
if (machine.load > machine.cpuCount / 4)
  console.log(
    `The machine is busy (load ${machine.load} on ${machine.cpuCount} CPUs): expect figures that do not repeat.\n`,
  )
const results = await run(options)
console.log(`${footnotes}\n\nPool mode, and sealed tenants in it, against their goals (the worst operation decides):`)
for (const { text } of verdicts(results.cells)) console.log(text)
if (options.complete) {
  await mkdir(OUTPUT, { recursive: true })
  await writeFile(new URL('bench.json', OUTPUT), toJson(results))
  await writeFile(new URL('chart.svg', OUTPUT), chart(results))
  console.log(
    `\nKept in bench/results: bench.json and chart.svg. README's table of them:\n\n${readmeTable(results.cells)}`,
  )
} else {
  console.log('\nNothing was kept in bench/results: only a complete run is.')
}

async function run({ statements, networks, callers, only, rounds, sliceMs }: BenchOptions): Promise<Results> {
  const databases = await startDatabases()
  const slow = networks.includes('1ms') ? await startSlowNetwork(databases) : undefined
  const cells: Cell[] = []
  try {
    const urls = await Promise.all(
      contestantNames.map((name) => databases.create(name.toLowerCase(), policiesOf(name))),
    )
    for (const form of statements)
      for (const network of networks) {
        const contestants = open(urls, network === '1ms' ? slow?.port : undefined, form)
        try {
          await checkAnswers(contestants, only, databases.tenants[0] as never)
          for (const count of callers) {
            for (const operation of only) {
              const samples = await measure(contestants, operations[operation], {
                callers: count,
                rounds,
                sliceMs,
                tenants: databases.tenants,
                afterRound: async () => void (writing.includes(operation) && (await databases.clean())),
              })
              cells.push({ operation, callers: count, network, statements: form, figures: figuresOf(samples) })
            }
            console.log(`${table(blocksOf(cells).at(-1) ?? [])}\n`)
          }
        } finally {
          for (const contestant of contestants) await contestant.stop()
        }
      }
    return { environment: { ...machine, postgresql: databases.serverVersion }, rounds, sliceMs, cells }
  } finally {
    await slow?.stop()
    await databases.stop()
  }
}

function policiesOf(name: ContestantName): Policies {
  return name === 'bare' ? 'none' : name === 'sealed' ? 'sealed' : 'plain'
}

function open(urls: readonly string[], port: number | undefined, statements: Statements): Contestant[] {
  return contestantNames.map((name, i) => {
    const url = new URL(urls[i] as string)
    if (port !== undefined) url.port = String(port)
    return openContestant(name, url.href, statements)
  })
}

function optionsOrExit(): BenchOptions {
  try {
    const read = readOptions(process.argv.slice(2))
    if (read !== 'help') return read
    console.log(usage)
    process.exit(0)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exit(2)
  }
}
