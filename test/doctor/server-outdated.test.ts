// Proves that the doctor is right about the release of the server that these tests run on, whichever it is: where it names
// the hole in INSERT … ON CONFLICT, the hole is there, and where it does not, a hidden row stays hidden.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { doctor } from '../../src/doctor/index.js'
import { startPostgres, type TestServer } from '../support/postgres.js'
import { b, createWorldTemplate, roles, type World, type WorldTemplate, worldOptions } from './world.js'

let server: TestServer
let template: WorldTemplate
let world: World
beforeAll(async () => {
  server = await startPostgres()
  template = await createWorldTemplate(server)
  world = await template.copy()
})
afterAll(async () => {
  await world?.drop()
  await template?.drop()
  await server?.stop()
})

test('ON CONFLICT shows a hidden row exactly where the doctor says so', async () => {
  const app = new pg.Client({ connectionString: world.urlFor(roles.app) })
  await app.connect()
  try {
    const { findings } = await doctor(app, worldOptions)
    const said = findings.some(({ rule, detail }) => rule === 'server-outdated' && detail.includes('CVE-2026-120154'))
    await app.query("SELECT set_config('app.tenant_id', $1, false)", [b])
    // B proposes a row with an id of A's, and what its condition makes of A's name is an error that tells the name.
    const attack = app.query(`INSERT INTO projects AS hidden (id, name)
      VALUES ('a0000000-0000-4000-8000-000000000002', 'guess')
      ON CONFLICT (id) DO UPDATE SET name = 'guess' WHERE (hidden.name || '!')::integer = 1`)
    const told = await attack.then(
      () => ({ code: 'none', message: '' }),
      ({ code, message }: pg.DatabaseError) => ({ code, message }),
    )
    expect(told.code).toBe(said ? '22P02' : '42501')
    expect(told.message.includes('second!')).toBe(said)
  } finally {
    await app.end()
  }
})
