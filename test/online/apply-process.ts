// A process for tests to kill: applies the fixture's steps and prints what happens, one JSON a line.
import pg from 'pg'

import { isTenancyError } from '../../src/errors.js'
import { applyOnline } from '../../src/online/apply-online.js'
import { fixtureSteps } from './fixture-steps.js'

const [url = '', options = '{}'] = process.argv.slice(2)
/** Holds its breath before each action, so that a kill can come before it as well as in it. */
const say = (what: object): void => {
  process.stdout.write(`${JSON.stringify(what)}\n`)
  if ('kind' in what && what.kind === 'action') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15)
}

const connect = async (): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

try {
  say({ report: await applyOnline(connect, fixtureSteps, { ...JSON.parse(options), onProgress: say }) })
} catch (error) {
  if (!isTenancyError(error)) throw error
  say({ error: { code: error.code, message: error.message, hint: error.hint } })
  process.exitCode = 2
}
