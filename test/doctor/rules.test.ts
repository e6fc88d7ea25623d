// Proves each rule of the doctor on a real PostgreSQL: it finds the faults that are planted and names them, it is quiet on
// what only looks like one, what it warns of really happens, and its own SQL ends that.
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { findingsOf } from '../../src/doctor/doctor.js'
import { evaluatePolicies } from '../../src/doctor/evaluate.js'
import { gatherFacts } from '../../src/doctor/gather-facts.js'
import { doctor, type Finding } from '../../src/doctor/index.js'
import { resolveOptions } from '../../src/doctor/options.js'
import { readCatalog } from '../../src/doctor/read-catalog.js'
import { rules } from '../../src/doctor/rules/all.js'
import { serverOutdated } from '../../src/doctor/rules/server-outdated.js'
import { runSql, startPostgres, type TestServer } from '../support/postgres.js'
import { allFixtures, type Fault, type NearMiss, type Plan, type Probe } from './rule-fixture.js'
import { b, createWorldTemplate, roles, type World, type WorldTemplate, worldOptions } from './world.js'

const fixtures = await allFixtures()

let server: TestServer
let template: WorldTemplate
beforeAll(async () => {
  server = await startPostgres()
  template = await createWorldTemplate(server)
})
afterAll(async () => {
  await template?.drop()
  await server?.stop()
})

test('every rule has a fixture, and every fixture a rule', () => {
  expect([...fixtures.keys()].sort()).toEqual(rules.map(({ id }) => id).sort())
})

test('ids are used once, and every rule says what it is about', () => {
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length)
  for (const rule of rules) {
    expect(rule.title, rule.id).toMatch(/^[A-Z].*[^.]$/)
    expect(rule.why, rule.id).toMatch(/\.$/)
    expect(rule.docsUrl, rule.id).toMatch(/^https:\/\/www\.(postgresql|prisma)\.(org|io)\//)
    expect(rule.unprovable === undefined, rule.id).toBe(rule.harm !== 'other')
  }
})

test('on the clean world the doctor says nothing, whoever asks', async () => {
  await inWorld({ name: '', sql: '' }, async (world) => {
    for (const url of [world.adminUrl, world.urlFor(roles.owner), world.urlFor(roles.app)]) {
      expect(await ask(url, {})).toEqual([])
    }
  })
})

for (const rule of rules) {
  const fixture = fixtures.get(rule.id)
  if (!fixture) continue
  describe(`${rule.id}:`, () => {
    test('is proven', () => {
      expect(fixture.faults.length).toBeGreaterThan(0)
      expect(fixture.nearMisses.length).toBeGreaterThan(0)
      for (const { name, probe, plan, notShown } of fixture.faults) {
        const shown = { leak: probe, speed: plan, other: rule.unprovable }[rule.harm]
        expect(shown ?? notShown, name).toBeDefined()
        expect(notShown ?? '.', name).toMatch(/\.$/)
      }
      if (rule.harm === 'leak') expect(fixture.faults.some(({ probe }) => probe)).toBe(true)
      if (rule.harm === 'speed') expect(fixture.faults.some(({ plan }) => plan)).toBe(true)
    })
    for (const fault of fixture.faults)
      versioned(fault)(fault.name, () => inWorld(fault, (world) => found(rule.id, fault, world)))
    for (const near of fixture.nearMisses) {
      versioned(near)(`quiet: ${near.name}`, () => inWorld(near, (world) => quiet(near, world)))
    }
  })
}

/** Not every version can run the SQL: the name says which, and the oldest and the newest together run everything. */
function versioned({ since, before }: { readonly since?: number; readonly before?: number }) {
  const from = since === undefined ? '' : ` (PostgreSQL ${since})`
  const until = before === undefined ? '' : ` (before PostgreSQL ${before})`
  return (name: string, run: () => Promise<void>): void => {
    test(`${name}${from}${until}`, async (context) => {
      if (since !== undefined && server.major < since) context.skip(`needs PostgreSQL ${since}`)
      if (before !== undefined && server.major >= before) context.skip(`is so before PostgreSQL ${before}`)
      await run()
    })
  }
}

async function found(rule: string, fault: Fault, world: World): Promise<void> {
  const findings = await ask(world.adminUrl, fault)
  const ours = findings.filter((finding) => finding.rule === rule)
  const named = fault.object.replace('{database}', new URL(world.adminUrl).pathname.slice(1))
  expect(ours.map(({ object }) => object)).toContain(named)
  expect(ours).toHaveLength(fault.findings ?? 1)
  expect(names(findings.filter((finding) => !fault.also?.includes(finding.rule)))).toEqual(names(ours))
  const [first] = ours.filter(({ object }) => object === named)
  if (fault.level) expect(first?.level).toBe(fault.level)
  if (fault.fixIs === 'person') expect(ours.some(({ needsPerson }) => needsPerson)).toBe(true)
  else expect(ours.map(({ needsPerson }) => needsPerson)).toEqual(ours.map(() => undefined))
  // The app role reads the same catalogs, so it comes to the same.
  expect(names((await ask(world.urlFor(roles.app), fault)).filter((finding) => finding.rule === rule))).toEqual(
    names(ours),
  )

  if (fault.plan?.prepare) await runSql(world.adminUrl, fault.plan.prepare)
  if (fault.probe) expect(await harms(fault.probe, world)).toBe(true)
  if (fault.plan) expect(await slow(fault.plan, world)).toBe(true)
  const mended = fault.decided ?? ours.map(({ fix }) => fix).join('')
  if (mended === '') {
    expect(fault.probe ?? fault.plan, 'a harm without a way out of it').toBeUndefined()
    return
  }
  for (const { fix } of ours) expect(fix).toMatch(/^$|;\n$/)
  await runSql(world.adminUrl, mended)
  expect(names((await ask(world.adminUrl, fault)).filter((finding) => finding.rule === rule))).toEqual([])
  if (fault.probe) expect(await harms(fault.probe, world)).toBe(false)
  if (fault.plan) expect(await slow(fault.plan, world)).toBe(false)
}

async function quiet(near: NearMiss, world: World): Promise<void> {
  const findings = await ask(world.adminUrl, near)
  expect(names(findings.filter((finding) => !near.also?.includes(finding.rule)))).toEqual([])
}

const names = (findings: readonly Finding[]): string[] => findings.map(({ rule, object }) => `${rule} ${object}`)

async function inWorld(
  planted: Fault | NearMiss | { name: string; sql: string },
  work: (world: World) => Promise<void>,
) {
  const world = await template.copy()
  try {
    if (planted.sql) await runSql(world.adminUrl, planted.sql)
    await work(world)
  } finally {
    await world.drop()
    const own = 'roles' in planted ? (planted.roles ?? []) : []
    if (own.length > 0)
      await runSql(server.adminUrl, `DROP ROLE IF EXISTS ${own.map((role) => pg.escapeIdentifier(role)).join(', ')}`)
  }
}

/** What the doctor finds, having left nothing behind on the connection it was given. */
async function ask(
  url: string,
  { options, server: told }: Pick<Fault, 'options' | 'server'>,
): Promise<readonly Finding[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const state = `SELECT current_setting('transaction_read_only') AS read_only, current_setting('search_path') AS path,
      current_setting('app.tenant_id', true) AS tenant, current_setting('transaction_isolation') AS isolation`
    const before = await client.query(state)
    const { findings } = await doctor(client, { ...worldOptions, ...options })
    expect((await client.query(state)).rows).toEqual(before.rows)
    // Which release the tests run on is no fault of the world's: see server-outdated.test.ts.
    const aboutWorld = findings.filter(({ rule }) => rule !== serverOutdated.id)
    return told ? [...aboutWorld, ...(await aboutServer(client, told, options))] : aboutWorld
  } finally {
    await client.end()
  }
}

async function aboutServer(
  client: pg.Client,
  told: NonNullable<Fault['server']>,
  options: Fault['options'],
): Promise<readonly Finding[]> {
  const resolved = resolveOptions({ ...worldOptions, ...options })
  const catalog = { ...(await readCatalog(client)), server: told }
  return findingsOf(gatherFacts(catalog, resolved, await evaluatePolicies(client, catalog, resolved)), [serverOutdated])
}

async function harms({ sql, harm, tenant = b, as = roles.app }: Probe, world: World): Promise<boolean> {
  const client = new pg.Client({ connectionString: world.urlFor(as) })
  await client.connect()
  try {
    await client.query('BEGIN')
    if (tenant !== null) await client.query("SELECT set_config('app.tenant_id', $1, true)", [tenant])
    const results: pg.QueryResult | pg.QueryResult[] = await client.query(sql)
    return harm([results].flat().at(-1)?.rows ?? [])
  } catch (error) {
    // A probe that PostgreSQL cannot even read, or whose table is missing, shows nothing.
    const { code } = error as pg.DatabaseError
    if (code === undefined || /^42(?!501)|^08|^57/.test(code)) throw error
    return harm([{ failed: code }])
  } finally {
    await client.end()
  }
}

async function slow({ sql, slow: isSlow, tenant = b }: Plan, world: World): Promise<boolean> {
  const client = new pg.Client({ connectionString: world.urlFor(roles.app) })
  await client.connect()
  try {
    await client.query('BEGIN')
    await client.query("SELECT set_config('app.tenant_id', $1, true)", [tenant])
    const { rows } = await client.query(`EXPLAIN (COSTS OFF) ${sql}`)
    return isSlow(rows.map((row) => row['QUERY PLAN']).join('\n'))
  } finally {
    await client.end()
  }
}
