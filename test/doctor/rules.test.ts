// Proves each rule of the doctor on a real PostgreSQL: it finds the faults that are planted and names them, it is quiet on
// what only looks like one, what it warns of really happens, and its own SQL ends that. Here those about policies;
// rules-structure.test.ts and rules-roles.test.ts have the others.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'

import { rules } from '../../src/doctor/rules/all.js'
import { ask, proveRules, rulesOf } from './prove-rules.js'
import { allFixtures } from './rule-fixture.js'
import { roles } from './world.js'

const fixtures = await allFixtures()

test('every rule has a fixture, and every fixture a rule', () => {
  expect([...fixtures.keys()].sort()).toEqual(rules.map(({ id }) => id).sort())
})

test('every rule is proven in one of the three files', () => {
  expect([...rulesOf('policies'), ...rulesOf('structure'), ...rulesOf('roles')]).toEqual(rules)
  for (const file of ['rules-structure.test.ts', 'rules-roles.test.ts']) {
    expect(existsSync(new URL(file, import.meta.url)), file).toBe(true)
  }
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

test('on the clean world the doctor says nothing, whoever asks', () =>
  worlds().inWorld({ sql: '' }, async ({ login }) => {
    for (const role of [undefined, roles.owner, roles.app]) expect(await ask(await login(role), {})).toEqual([])
  }))

const worlds = await proveRules('policies')
