// npm run demo: the example service on a real PostgreSQL, attacked and measured. Ends with 1 when a claim is untrue.
import { parseArgs } from 'node:util'
import { ATTACKS } from './attacks/attacks.js'
import { Claims } from './claims.js'
import { countFlights } from './flights.js'
import { keepRunning } from './keep-running.js'
import { heading, print } from './printing.js'
import { setStage } from './stage.js'
import { measureTimes } from './times.js'
import { whatTenantsSee } from './what-tenants-see.js'

const USAGE = `npm run demo              show, attack and measure, then clean up
npm run demo -- --keep    leave service and database running until Ctrl-C`

const keep = readArguments()
if (keep !== undefined) process.exitCode = await demo(keep)

async function demo(keep: boolean): Promise<number> {
  const stage = await setStage()
  const claims = new Claims()
  try {
    heading('What each tenant sees', `over HTTP, from ${stage.service}, beside what a superuser counts`)
    await whatTenantsSee(stage, claims)

    heading('Attacks', `${stage.attacker.name} goes after ${stage.victim.name}, logged in and inside the service`)
    for (const { tried, attempt } of ATTACKS) await claims.claim(tried, () => attempt(stage))

    heading('Flights', 'round trips to the database for one call, counted between client and server')
    await countFlights(stage, claims)

    heading('Time', 'µs for one call: medians of calls that take turns, shown and not judged')
    await measureTimes(stage)

    print()
    claims.conclude()
    if (keep) await keepRunning(stage)
  } finally {
    await stage.strike()
  }
  return claims.untrue === 0 ? 0 : 1
}

/** Whether to keep running; undefined where that is not the question. */
function readArguments(): boolean | undefined {
  try {
    const { values } = parseArgs({ options: { keep: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
    if (!values.help) return values.keep ?? false
    print(USAGE)
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`)
    process.exitCode = 2
  }
  return undefined
}
