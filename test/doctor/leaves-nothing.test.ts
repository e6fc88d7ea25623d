// Proves that the doctor changes nothing: not a row, not the session it was given, not even where it fails half-way; and
// that it says clearly what it could not look at.
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { doctor } from '../../src/doctor/index.js'
import { isTenancyError } from '../../src/errors.js'
import { runSql, startPostgres, type TestServer } from '../support/postgres.js'
import { ownRows, plant } from './planted-policies.js'
import { a, createWorldTemplate, roles, type World, type WorldTemplate, worldOptions } from './world.js'

let server: TestServer
let template: WorldTemplate
let world: World
const clients: pg.Client[] = []
beforeAll(async () => {
  server = await startPostgres()
  template = await createWorldTemplate(server)
  world = await template.copy()
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end()))
})
afterAll(async () => {
  await world?.drop()
  await template?.drop()
  await server?.stop()
})

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  clients.push(client)
  return client
}

/** Everything that a session can be left with, but for the settings that PL/pgSQL brings along when it is first used. */
const session = `SELECT (SELECT json_object_agg(name, setting ORDER BY name) FROM pg_settings WHERE name NOT LIKE 'plpgsql.%') AS settings,
  current_setting('app.tenant_id', true) AS tenant, (SELECT count(*)::int FROM pg_prepared_statements) AS prepared,
  (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks, pg_my_temp_schema()::int AS temp,
  current_user::text AS role`

test.each([
  ['an owner', roles.owner],
  ['the app role', roles.app],
])('the session of %s is as before, and the tenant that it had in scope stays', async (_, role) => {
  const client = await connect(world.urlFor(role))
  await client.query("SELECT set_config('app.tenant_id', $1, false)", [a])
  const before = await client.query(session)
  await doctor(client, worldOptions)
  expect((await client.query(session)).rows).toEqual(before.rows)
  expect(before.rows[0].tenant).toBe(a)
})

test('on a session that never had a tenant it is still NULL afterwards, and not empty', async () => {
  const client = await connect(world.urlFor(roles.app))
  await doctor(client, worldOptions)
  expect((await client.query("SELECT current_setting('app.tenant_id', true) AS tenant")).rows).toEqual([
    { tenant: null },
  ])
})

test('every statement runs in a transaction that cannot write', async () => {
  const client = await connect(world.adminUrl)
  const writing = {
    // As if a statement of the doctor wrote: the same transaction, one statement more.
    query: (text: string) => client.query(`${text};\nCREATE TABLE written (id int)`),
  }
  await expect(doctor(writing, worldOptions)).rejects.toMatchObject({ code: '25006' })
  expect((await client.query("SELECT to_regclass('written') AS written")).rows).toEqual([{ written: null }])
  // Nothing is left open.
  expect((await client.query('SELECT txid_current_if_assigned() AS id')).rows).toEqual([{ id: null }])
})

test('a pool answers as well as a client, and gives every connection back', async () => {
  const pool = new pg.Pool({ connectionString: world.urlFor(roles.app), max: 2 })
  try {
    const [one, other] = await Promise.all([doctor(pool, worldOptions), doctor(pool, worldOptions)])
    expect(one).toEqual(other)
    expect(pool.idleCount).toBe(pool.totalCount)
  } finally {
    await pool.end()
  }
})

test('functions of somebody else, and whatever may have effects, are not called', async () => {
  // Session-wide, so that it would still be there.
  const called = "$$ BEGIN PERFORM set_config('app.tenant_id', 'called', false); RETURN true; END $$"
  const copy = await template.copy()
  try {
    await runSql(
      copy.adminUrl,
      `CREATE FUNCTION bang() RETURNS boolean LANGUAGE plpgsql STABLE AS ${called};
       CREATE FUNCTION bang(uuid, uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS ${called};
       CREATE OPERATOR === (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = bang);
       CREATE DOMAIN picky AS text CHECK (bang());
       ${plant({ name: 'one', clauses: 'AS RESTRICTIVE', using: 'bang()' })}
       ${plant({ name: 'two', clauses: 'AS RESTRICTIVE', using: 'tenant_id === id' })}
       ${plant({ name: 'three', clauses: 'AS RESTRICTIVE', using: 'name::picky IS NOT NULL' })}
       ${plant({ name: 'four', clauses: 'AS RESTRICTIVE', using: 'pg_sleep(60) IS NOT NULL' })}
       ${plant({ name: 'five', clauses: 'AS RESTRICTIVE', using: "set_config('app.tenant_id', name, false) <> ''" })}
       ${plant({ using: ownRows })}`,
    )
    const client = await connect(copy.urlFor(roles.app))
    const start = performance.now()
    const { findings } = await doctor(client, worldOptions)
    expect(performance.now() - start).toBeLessThan(20_000)
    expect(findings.filter(({ rule }) => rule.startsWith('policy'))).toEqual([])
    expect((await client.query("SELECT current_setting('app.tenant_id', true) AS tenant")).rows).toEqual([
      { tenant: null },
    ])
    await client.end()
    clients.pop()
  } finally {
    await copy.drop()
  }
})

test('an app role that does not exist is named, with those that do', async () => {
  const client = await connect(world.urlFor(roles.app))
  const failed = await doctor(client, { appRole: 'nobody' }).catch((error: unknown) => error)
  expect(isTenancyError(failed) && [failed.code, failed.hint]).toEqual([
    'CONFIG.INVALID',
    expect.stringContaining(roles.app),
  ])
})

test('a catalog that is hidden is told: what can be judged without it is judged', async () => {
  const copy = await template.copy()
  try {
    await runSql(copy.adminUrl, 'REVOKE SELECT ON pg_proc FROM PUBLIC')
    const hidden = await connect(copy.urlFor(roles.app))
    const failed = await doctor(hidden, worldOptions).catch((error: unknown) => error)
    expect(failed).not.toBeInstanceOf(TypeError)
    if (isTenancyError(failed)) expect(failed.hint).toContain('GRANT SELECT ON pg_catalog.pg_proc')
    else
      expect((failed as Awaited<ReturnType<typeof doctor>>).checked.notChecked.map(({ what }) => what)).toContain(
        'functions',
      )

    await runSql(copy.adminUrl, 'GRANT SELECT ON pg_proc TO PUBLIC; REVOKE SELECT ON pg_policy FROM PUBLIC')
    const blind = await doctor(hidden, worldOptions).catch((error: unknown) => error)
    expect(isTenancyError(blind) && blind.hint).toBe(
      `Run the doctor as another role, or: GRANT SELECT ON pg_catalog.pg_policy TO "${roles.app}";`,
    )
    // Its owner sees all the same.
    expect((await doctor(await connect(copy.adminUrl), worldOptions)).checked.notChecked).toEqual([])
    await Promise.all(clients.splice(0).map((client) => client.end()))
  } finally {
    await copy.drop()
  }
})

test('a client that cannot answer several statements is refused with a way out', async () => {
  const client = await connect(world.urlFor(roles.app))
  const single = { query: async (text: string) => ((await client.query(text)) as unknown as unknown[]).at(-1) }
  const failed = await doctor(single, worldOptions).catch((error: unknown) => error)
  expect(isTenancyError(failed) && failed.hint).toBe(
    'Pass a client or a pool of pg: new pg.Client({ connectionString }).',
  )
})
