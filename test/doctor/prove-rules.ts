// What proves a rule: it finds the faults of its fixture and names them, it is quiet on what only looks like one, what it
// warns of really happens, and its own SQL ends that. Three test files prove a part of the rules each, at the same time.
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { findingsOf } from '../../src/doctor/doctor.js'
import { evaluatePolicies } from '../../src/doctor/evaluate.js'
import { gatherFacts } from '../../src/doctor/gather-facts.js'
import { doctor, type Finding } from '../../src/doctor/index.js'
import { resolveOptions } from '../../src/doctor/options.js'
import { readCatalog } from '../../src/doctor/read-catalog.js'
import type { Rule } from '../../src/doctor/rule.js'
import { rules } from '../../src/doctor/rules/all.js'
import { indexTellsValues } from '../../src/doctor/rules/index-tells-values.js'
import { serverOutdated } from '../../src/doctor/rules/server-outdated.js'
import { openPlantedWorlds, type PlantedWorld, type PlantedWorlds } from './planted-worlds.js'
import { allFixtures, type Fault, type NearMiss, type Plan, type Probe } from './rule-fixture.js'
import { b, roles, worldOptions } from './world.js'

/** The first rule of each part, in the order of the rules: a new rule is in one of them, wherever it is put. */
const begins = ['rls-disabled', 'child-unprotected', 'app-role-bypasses-rls'] as const
const parts = ['policies', 'structure', 'roles'] as const

export type Part = (typeof parts)[number]

export function rulesOf(part: Part): readonly Rule[] {
  const at = begins.map((id) => rules.findIndex((rule) => rule.id === id))
  const n = parts.indexOf(part)
  return rules.slice(at[n], at[n + 1])
}

/** Declares the tests of a part's rules. The worlds that it answers with are there while tests run. */
export async function proveRules(part: Part): Promise<() => PlantedWorlds> {
  const fixtures = await allFixtures()
  let worlds: PlantedWorlds
  beforeAll(async () => {
    worlds = await openPlantedWorlds()
  })
  afterAll(() => worlds?.close())

  for (const rule of rulesOf(part)) {
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
        versioned(fault)(fault.name, () => worlds.inWorld(fault, (world) => found(rule.id, fault, world)))
      for (const near of fixture.nearMisses) {
        versioned(near)(`quiet: ${near.name}`, () => worlds.inWorld(near, (world) => quiet(rule.id, near, world)))
      }
    })
  }
  return () => worlds

  /** Not every version can run the SQL: the name says which, and the oldest and the newest together run everything. */
  function versioned({ since, before }: { readonly since?: number; readonly before?: number }) {
    const from = since === undefined ? '' : ` (PostgreSQL ${since})`
    const until = before === undefined ? '' : ` (before PostgreSQL ${before})`
    return (name: string, run: () => Promise<void>): void => {
      test(`${name}${from}${until}`, async (context) => {
        const { major } = worlds.server
        if (since !== undefined && major < since) context.skip(`needs PostgreSQL ${since}`)
        if (before !== undefined && major >= before) context.skip(`is so before PostgreSQL ${before}`)
        await run()
      })
    }
  }
}

async function found(rule: string, fault: Fault, world: PlantedWorld): Promise<void> {
  const admin = await world.login()
  const findings = await ask(admin, fault)
  const ours = findings.filter((finding) => finding.rule === rule)
  const named = fault.object.replace('{database}', world.database)
  expect(ours.map(({ object }) => object)).toContain(named)
  expect(ours).toHaveLength(fault.findings ?? 1)
  expect(names(unexpected(findings, rule, fault))).toEqual(names(ours))
  const [first] = ours.filter(({ object }) => object === named)
  if (fault.level) expect(first?.level).toBe(fault.level)
  if (fault.fixIs === 'person') expect(ours.some(({ needsPerson }) => needsPerson)).toBe(true)
  else expect(ours.map(({ needsPerson }) => needsPerson)).toEqual(ours.map(() => undefined))
  // The app role reads the same catalogs, so it comes to the same.
  const app = await world.login(roles.app)
  expect(names((await ask(app, fault)).filter((finding) => finding.rule === rule))).toEqual(names(ours))

  if (fault.plan?.prepare) await admin.query(fault.plan.prepare)
  if (fault.probe) expect(await harms(fault.probe, world, app)).toBe(true)
  if (fault.plan) expect(await slow(fault.plan, app)).toBe(true)
  const mended = fault.decided ?? ours.map(({ fix }) => fix).join('')
  if (mended === '') {
    expect(fault.probe ?? fault.plan, 'a harm without a way out of it').toBeUndefined()
    return
  }
  for (const { fix } of ours) expect(fix).toMatch(/^$|;\n$/)
  await admin.query(mended)
  expect(names((await ask(await world.login(), fault)).filter((finding) => finding.rule === rule))).toEqual([])
  if (fault.probe) expect(await harms(fault.probe, world)).toBe(false)
  if (fault.plan) expect(await slow(fault.plan, await world.login(roles.app))).toBe(false)
}

async function quiet(rule: string, near: NearMiss, world: PlantedWorld): Promise<void> {
  const findings = await ask(await world.login(), near)
  expect(names(unexpected(findings, rule, near))).toEqual([])
}

/** The findings that the fixture does not name. That an index tells values is so in many a world, and proven in its own. */
function unexpected(
  findings: readonly Finding[],
  rule: string,
  { also = [] }: Pick<Fault, 'also'>,
): readonly Finding[] {
  return findings.filter(
    (finding) => !also.includes(finding.rule) && (finding.rule === rule || finding.rule !== indexTellsValues.id),
  )
}

const names = (findings: readonly Finding[]): string[] => findings.map(({ rule, object }) => `${rule} ${object}`)

/** What the doctor finds, having left nothing behind on the connection it was given. */
export async function ask(
  client: pg.Client,
  { options, server: told }: Pick<Fault, 'options' | 'server'>,
): Promise<readonly Finding[]> {
  const state = `SELECT current_setting('transaction_read_only') AS read_only, current_setting('search_path') AS path,
    current_setting('app.tenant_id', true) AS tenant, current_setting('transaction_isolation') AS isolation`
  const before = await client.query(state)
  const { findings } = await doctor(client, { ...worldOptions, ...options })
  expect((await client.query(state)).rows).toEqual(before.rows)
  // Which release the tests run on is no fault of the world's: see server-outdated.test.ts.
  const aboutWorld = findings.filter(({ rule }) => rule !== serverOutdated.id)
  return told ? [...aboutWorld, ...(await aboutServer(client, told, options))] : aboutWorld
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

/** On `app` where that will do: a connection of the app role on which the doctor has been, so a tenant was set once. */
async function harms(probe: Probe, world: PlantedWorld, app?: pg.Client): Promise<boolean> {
  const { sql, harm, tenant = b, as = roles.app } = probe
  const client = app && as === roles.app && tenant !== null ? app : await world.login(as)
  await client.query('BEGIN')
  try {
    if (tenant !== null) await client.query("SELECT set_config('app.tenant_id', $1, true)", [tenant])
    const results: pg.QueryResult | pg.QueryResult[] = await client.query(sql)
    return harm([results].flat().at(-1)?.rows ?? [])
  } catch (error) {
    // A probe that PostgreSQL cannot even read, or whose table is missing, shows nothing.
    const { code } = error as pg.DatabaseError
    if (code === undefined || /^42(?!501)|^08|^57/.test(code)) throw error
    return harm([{ failed: code }])
  } finally {
    await client.query('ROLLBACK')
  }
}

async function slow({ sql, slow: isSlow, tenant = b }: Plan, client: pg.Client): Promise<boolean> {
  await client.query('BEGIN')
  try {
    await client.query("SELECT set_config('app.tenant_id', $1, true)", [tenant])
    const { rows } = await client.query(`EXPLAIN (COSTS OFF) ${sql}`)
    return isSlow(rows.map((row) => row['QUERY PLAN']).join('\n'))
  } finally {
    await client.query('ROLLBACK')
  }
}
