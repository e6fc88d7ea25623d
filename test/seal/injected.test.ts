// Proves that isolation survives injected SQL where tenants are sealed. Every statement of injected.ts is run as tenant A
// by the app role, first on plain tenants, where `escapes` says whether it reads or writes a row of B, then on sealed
// ones, with every forgery: there no row of B is read or written, and no byte of a key or of B's seal comes out.
// Three ways in: a raw client that was bound exactly as the library binds, and both modes, past whose first net the
// statements go through functions of the user's own.
import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Binder } from '../../src/binding.js'
import { currentScope, type Scope, withTenant } from '../../src/context.js'
import { padsOf } from '../../src/seal-key.js'
import type { SeededTenant, TenantDatabase } from '../support/database.js'
import { type Mode, modes, openMode } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { scaled } from '../support/scale.js'
import { INJECTED, type Injected } from './injected.js'
import { createSealedDatabase, KEYS, sealOf } from './sealed-database.js'
import { bytesIn } from './secrets.js'

interface Attack {
  readonly db: TenantDatabase
  readonly a: SeededTenant
  readonly b: SeededTenant
}

const SECRET = 'secret-of-b'
const HOUR = 3600
const seal = KEYS.current
const binder = new Binder({ seal })
const unknownPads = padsOf(KEYS.unknown.key)

// Longer than a block of padding is nothing secret: every pad ends in the same bytes.
const keyBytes = [KEYS.current.key, KEYS.retired.key].flatMap((key) => {
  const { inner, outer } = padsOf(key)
  return [key, inner.subarray(0, 32), outer.subarray(0, 32)]
})

let plain: TenantDatabase
let sealed: TenantDatabase
let victim: SeededTenant
let atWork: { seal: string; end(): Promise<void> }
beforeAll(async () => {
  plain = await createSealedDatabase({ sealed: false })
  sealed = await createSealedDatabase()
  for (const db of [plain, sealed]) await openToAttack(db)
  // Which statements escape depends on the plan: statistics that come midway through the run would change it.
  for (const table of ['projects', 'tasks'])
    await runSql(plain.adminUrl, `ALTER TABLE ${table} SET (autovacuum_enabled = false)`)
  victim = await newTenant(sealed, SECRET)
  await runSql(sealed.adminUrl, 'ANALYZE')
  atWork = await workOf(sealed, victim)
})
afterAll(async () => {
  await atWork?.end()
  for (const admin of admins.values()) await (await admin).end()
  await plain.drop()
  await sealed.drop()
})

/** What an attacker writes who knows how seals are made, has seen old ones of B, and has one of his own. */
function forgeries({ a, b }: Attack): Readonly<Record<string, string>> {
  const own = sealOf(a.tenantId)
  const old = sealOf(b.tenantId, { now: Date.now() - HOUR * 1000 })
  const mac = (text: string) => text.slice(0, 64)
  const wanted = sealOf(b.tenantId).slice(64)
  return {
    'his own seal with the id of B': own.replace(a.tenantId, b.tenantId),
    'an expired seal of B': old,
    'an expired seal of B with another expiry': mac(old) + wanted,
    'an empty mac': wanted,
    'a cut mac': own.slice(1, 64) + wanted,
    'a mac of zeros': '0'.repeat(64) + wanted,
    'the mac of no tenant': mac(sealOf('')) + wanted,
    'a seal of a retired key': sealOf(b.tenantId, { key: KEYS.retired }),
    'a seal of a key that the database does not know': sealOf(b.tenantId, { key: KEYS.unknown }),
    'a seal of an unknown key under a known id': sealOf(b.tenantId, { key: { ...KEYS.unknown, keyId: seal.keyId } }),
    'a seal for another setting': sealOf(b.tenantId, { purpose: 'tenancy-seal-1 app.other ' }),
    'a mac without a purpose': sealOf(b.tenantId, { purpose: '' }),
    'a genuine seal that is valid for a year': sealOf(b.tenantId, { expiresIn: 365 * 24 * HOUR }),
    'his own seal, and the id of B behind it': own + b.tenantId,
    'his own seal with the id of B as its key': own.replace(`.${seal.keyId}.`, `.${b.tenantId}.`),
    'the id of B': b.tenantId,
  }
}

test('the statements are at least 40 that escape from plain tenants, and as many that ask for the keys', () => {
  expect(INJECTED.filter(({ escapes }) => escapes).length).toBeGreaterThanOrEqual(40)
  expect(INJECTED.filter(({ what }) => what.startsWith('keys:')).length).toBeGreaterThanOrEqual(40)
})

test('the attacker is the app role: no owner, no superuser, no BYPASSRLS', async () => {
  const [role] = await runSql(
    sealed.appUrl,
    `SELECT rolsuper, rolbypassrls, (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owns
     FROM pg_roles r WHERE rolname = current_user`,
  )
  expect(role).toEqual({ rolsuper: false, rolbypassrls: false, owns: 0 })
})

test.each([
  "SELECT outer_pad, encode(inner_pad, 'base64') FROM tenancy.seal_keys",
  "SELECT set_config('bytea_output', 'escape', false); SELECT inner_pad::text FROM tenancy.seal_keys",
  'SET debug_print_parse = on; SET client_min_messages = log; PREPARE p AS SELECT $1; ',
])('a key byte that came out would be noticed: %s', async (sql) => {
  const client = new pg.Client({ connectionString: sealed.adminUrl })
  const said: string[] = []
  client.on('notice', (notice) => said.push(JSON.stringify({ ...notice, message: notice.message })))
  await client.connect()
  const results: { rows: unknown[] } | { rows: unknown[] }[] = await client.query({
    text: sql,
    rowMode: 'array',
  } as pg.QueryArrayConfig)
  if (sql.includes('PREPARE'))
    await client.query(`SELECT * FROM plans WHERE name = ('\\x${keyBytes[1]?.toString('hex')}'::bytea)::text`)
  await client.end()
  const text =
    said.join() +
    [results]
      .flat()
      .map((result) => printedRows(result.rows))
      .join()
  expect(bytesIn(text, keyBytes)).not.toEqual([])
})

describe('through a raw client', () => {
  test.each(INJECTED)('$what', async (item) => {
    const there = { db: plain, a: await newTenant(plain, 'own'), b: await newTenant(plain, SECRET) }
    const before = await rowsOf(plain, there.b)
    const said = await runRaw(there, filled(item, there, ['app.tenant_id', there.b.tenantId]))
    const escaped = said.includes(SECRET) || (await rowsOf(plain, there.b)) !== before
    expect(bytesIn(said, keyBytes)).toEqual([])
    expect(escaped ? 'it escapes' : `it stays: ${said}`).toMatch(item.escapes ? /^it escapes/ : /^it stays/)
    await expectNoEscape(item, runRaw, 3)
  })
})

test.each([
  `WITH x AS MATERIALIZED (SELECT set_config('{SET}', '{TO}', true) AS s) SELECT name FROM projects WHERE (SELECT s FROM x) IS NOT NULL`,
  `SELECT set_config('{SET}', '{TO}', true), (SELECT string_agg(name, ',') FROM projects)`,
  `UPDATE projects SET tenant_id = '{B}', budget = length(set_config('{SET}', '{TO}', true))`,
])('no forgery at all helps: %s', async (sql) => {
  await expectNoEscape({ what: '', sql: [sql], escapes: true }, runRaw, 16)
  expect(Object.keys(forgeries({ db: sealed, a: victim, b: victim }))).toHaveLength(16)
})

describe.each(modes)('through %s mode', (mode) => {
  const run = (there: Attack, statements: string[]) => runThrough(mode, there, statements)
  test('the net that knows set_config by its name is passed: plain tenants are not safe behind it', async () => {
    const escaped: string[] = []
    for (const item of INJECTED.filter(({ sql, escapes }) => sql.length === 1 && escapes)) {
      const there = { db: plain, a: await newTenant(plain, 'own'), b: await newTenant(plain, SECRET) }
      const before = await rowsOf(plain, there.b)
      const said = await run(there, filled(item, there, ['app.tenant_id', there.b.tenantId]))
      if (said.includes(SECRET) || (await rowsOf(plain, there.b)) !== before) escaped.push(item.what)
    }
    expect(escaped.length).toBeGreaterThan(20)
  })

  test.each(INJECTED.filter(({ what, sql }) => !what.startsWith('keys: ') && !sql.includes('COMMIT')))(
    '$what',
    async (item) => {
      await expectNoEscape(item, run, 1)
    },
  )
})

async function expectNoEscape(
  item: Injected,
  run: (there: Attack, statements: string[]) => Promise<string>,
  each: number,
): Promise<void> {
  const before = await rowsOf(sealed, victim)
  expect(before).toContain(SECRET)
  const a = await newTenant(sealed, 'own')
  const there = { db: sealed, a, b: victim }
  const tried = item.sql.some((sql) => sql.includes('{TO}')) ? inTurn(Object.entries(forgeries(there)), each) : []
  for (const [name, setting, value] of [
    ['the plain setting', 'app.tenant_id', victim.tenantId],
    ...tried.map(([name, value]) => [name, 'app.tenant_seal', value]),
  ] as [string, string, string][]) {
    const said = await run(there, filled(item, there, [setting, value]))
    expect([name, said.includes(SECRET) ? said : 'no row']).toEqual([name, 'no row'])
    expect([name, bytesIn(said, [...keyBytes, Buffer.from(atWork.seal.slice(0, 64), 'hex')])]).toEqual([name, []])
  }
  expect(await rowsOf(sealed, victim)).toBe(before)
}

/** Every forgery with every statement is for a night; else each statement takes the next few, so that all have their turn. */
function inTurn<T>(all: readonly T[], each: number): T[] {
  const taken = scaled(100) === 100 ? all : Array.from({ length: each }, (_, i) => all[(turn + i) % all.length] as T)
  turn += each
  return [...taken]
}
let turn = 0

function filled({ sql }: Injected, { db, a, b }: Attack, [setting, value]: readonly [string, string]): string[] {
  return sql.map((text) =>
    text
      .replaceAll('{SET}', setting)
      .replaceAll('{TO}', value)
      .replaceAll('{WAS}', setting === 'app.tenant_id' ? a.tenantId : sealOf(a.tenantId))
      .replaceAll('{B}', b.tenantId)
      .replaceAll('{db}', db.name)
      .replaceAll('{keys}', 'tenancy.seal_keys')
      .replaceAll('{UNKNOWN INNER}', `\\x${unknownPads.inner.toString('hex')}`)
      .replaceAll('{UNKNOWN OUTER}', `\\x${unknownPads.outer.toString('hex')}`),
  )
}

/** On a connection of its own, in a transaction that was bound as the library binds. Answers with all that was said. */
async function runRaw({ db, a }: Attack, statements: string[]): Promise<string> {
  const client = new pg.Client({ connectionString: db.appUrl })
  const said: string[] = []
  client.on('notice', (notice) => said.push(JSON.stringify({ ...notice, message: notice.message })))
  await client.connect()
  const ask = async (text: string, values?: readonly string[]) => {
    try {
      const result = await client.query({
        text,
        values: values && [...values],
        rowMode: 'array',
      } as pg.QueryArrayConfig)
      said.push(printedRows(result.rows))
    } catch (error) {
      said.push(JSON.stringify({ ...(error as Error), message: (error as Error).message }))
    }
  }
  const bind = async () => client.query(binder.sql, [...(await valuesFor(a.tenantId))])
  await client.query('BEGIN')
  await bind()
  for (const text of statements) await ask(text)
  await ask('COMMIT')
  // And what is left for the next transaction of A's.
  await client.query('BEGIN')
  await bind()
  await ask('SELECT name FROM public.projects')
  await client.end()
  await cleanSandbox(db, statements)
  return said.join('\n')
}

/** Through the library, whose first net refuses `set_config(` by name: so through functions of the user's own. */
async function runThrough(mode: Mode, { db, a }: Attack, statements: string[]): Promise<string> {
  const { prisma, close } = await openMode(mode, db.appUrl, { max: 1, binding: { seal } })
  const said: string[] = []
  const ask = async (db: { $queryRawUnsafe(sql: string): PromiseLike<unknown> }, text: string) => {
    const passed = text.replaceAll(/(?:pg_catalog\.)?set_config\(/g, 'public.put(')
    const isData =
      /^(?:SELECT|WITH|TABLE|UPDATE|INSERT|DELETE|MERGE|EXPLAIN)/.test(passed) && !passed.includes('pg_settings SET')
    try {
      const rows = await db.$queryRawUnsafe(isData ? passed : `SELECT public.run($run$${text}$run$)`)
      said.push(printedRows(rows))
    } catch (error) {
      said.push(`${(error as Error).message} ${JSON.stringify(error)}`)
    }
  }
  await withTenant(a.tenantId, async () => {
    const [only] = statements
    if (statements.length === 1) await ask(prisma, only as string)
    else
      await prisma
        .$transaction(async (tx) => {
          for (const text of statements) await ask(tx, text)
        })
        .catch((error: Error) => said.push(error.message))
    await ask(prisma, 'SELECT name FROM public.projects')
  })
  await close()
  await cleanSandbox(db, statements)
  return said.join('\n')
}

function printedRows(rows: unknown): string {
  return JSON.stringify(rows, (_, value) => {
    if (typeof value === 'bigint') return String(value)
    // Bytes as PostgreSQL prints them, not as JSON does.
    if (value?.type === 'Buffer') return Buffer.from(value.data).toString('hex')
    return value
  })
}

async function valuesFor(tenant: string): Promise<readonly string[]> {
  return withTenant(tenant, () => binder.bind(currentScope() as Scope).values)
}

/** A tenant whose rows say whose they are. */
async function newTenant(db: TenantDatabase, whose: string): Promise<SeededTenant> {
  const tenantId = randomUUID()
  const name = `${whose} ${randomBytes(4).toString('hex')}`
  const { rows } = await (await adminOf(db)).query(
    `WITH p AS (INSERT INTO projects (id, tenant_id, name)
       SELECT gen_random_uuid(), $1, $2 || ' project ' || n FROM generate_series(1, 2) n RETURNING id)
     SELECT id, gen_random_uuid() AS task FROM p`,
    [tenantId, name],
  )
  for (const { id, task } of rows)
    await (await adminOf(db)).query(`INSERT INTO tasks (id, tenant_id, project_id, title) VALUES ($1, $2, $3, $4)`, [
      task,
      tenantId,
      id,
      `${name} task`,
    ])
  return { tenantId, projectIds: rows.map(({ id }) => id), taskIds: rows.map(({ task }) => task) }
}

/** Every row of a tenant, as the superuser sees it. */
async function rowsOf(db: TenantDatabase, { tenantId }: SeededTenant): Promise<string> {
  const { rows } = await (await adminOf(db)).query(
    `SELECT (SELECT json_agg(p ORDER BY id)::text FROM projects p WHERE tenant_id = $1)
         || (SELECT coalesce(json_agg(t ORDER BY id), '[]')::text FROM tasks t WHERE tenant_id = $1) AS all`,
    [tenantId],
  )
  return rows[0].all
}

/** One connection for the truth about a database: hundreds of attacks look at it. */
const admins = new Map<TenantDatabase, Promise<pg.Client>>()
function adminOf(db: TenantDatabase): Promise<pg.Client> {
  const admin = admins.get(db) ?? connect(db.adminUrl)
  admins.set(db, admin)
  return admin
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

/** B in the middle of a statement, with his seal bound: other connections of the same role see that it runs. */
async function workOf(db: TenantDatabase, b: SeededTenant) {
  const client = new pg.Client({ connectionString: db.appUrl })
  client.on('error', () => {})
  await client.connect()
  await client.query('BEGIN')
  const values = await valuesFor(b.tenantId)
  await client.query(binder.sql, [...values])
  const running = client.query('SELECT name, pg_sleep(3600) FROM projects WHERE $1 = $1', [values[1]]).catch(() => {})
  return {
    seal: values[1] as string,
    async end() {
      await runSql(db.adminUrl, 'SELECT pg_terminate_backend($1)', [
        (client as unknown as { processID: number }).processID,
      ])
      await running
    },
  }
}

/** What a service may have, and what makes every attack easier: a schema to create in, and functions that run text. */
async function openToAttack(db: TenantDatabase): Promise<void> {
  await runSql(
    db.adminUrl,
    `CREATE SCHEMA sandbox; GRANT ALL ON SCHEMA sandbox TO PUBLIC;
     CREATE FUNCTION run(sql text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; RETURN 'done'; END $$;
     CREATE FUNCTION put(name text, value text, local boolean) RETURNS text LANGUAGE sql
       AS $$ SELECT pg_catalog.set_config(name, value, local) $$;
     GRANT USAGE ON SCHEMA tenancy TO app_user`,
  )
}

async function cleanSandbox(db: TenantDatabase, statements: string[]): Promise<void> {
  if (!statements.some((text) => text.includes('sandbox'))) return
  await runSql(db.adminUrl, 'DROP SCHEMA sandbox CASCADE; CREATE SCHEMA sandbox; GRANT ALL ON SCHEMA sandbox TO PUBLIC')
}
