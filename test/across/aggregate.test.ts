// Proves what aggregateOnly lets through: nothing but rows that count their tenants themselves, and are about enough.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Prisma } from '../../generated/test/client.js'
import { checkAggregate, checkCovers } from '../../src/across/aggregate.js'
import { seedTenants, type TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'
import { createAuditedDatabase, openAcross } from './open-across.js'

const limit = { minTenants: 3 }

describe('a statement passes that counts the tenants of its rows', () => {
  test.each([
    'SELECT archived, count(DISTINCT tenant_id) AS tenants FROM projects GROUP BY archived',
    'select count(distinct tenant_id)::int as tenants from projects',
    'SELECT count(DISTINCT p.tenant_id)::bigint AS "tenants", sum(budget) FROM projects AS p',
    'SELECT count(DISTINCT public.projects."tenant_id") AS tenants FROM projects',
    '/* a report */ WITH big AS (SELECT * FROM projects WHERE budget > 1) SELECT count(DISTINCT tenant_id) AS tenants, count(*) FROM big',
    'SELECT extract(year FROM created_at), count(DISTINCT tenant_id) AS tenants FROM projects GROUP BY 1 HAVING count(DISTINCT tenant_id) >= 5',
  ])('%s', (sql) => {
    expect(() => checkAggregate(sql, limit)).not.toThrow()
  })
})

describe('and none that only looks like it:', () => {
  test.each([
    ['another expression under the name', 'SELECT count(*) AS tenants FROM projects'],
    ['a constant', 'SELECT name, 99 AS tenants FROM projects'],
    ['a count that is not distinct', 'SELECT count(tenant_id) AS tenants FROM projects'],
    ['a count of something else', 'SELECT count(DISTINCT id) AS tenants FROM projects'],
    ['a count of an expression', 'SELECT count(DISTINCT tenant_id || id::text) AS tenants FROM projects'],
    ['a count of several', 'SELECT count(DISTINCT (tenant_id, id)) AS tenants FROM projects'],
    ['a count that something is added to', 'SELECT count(DISTINCT tenant_id) + 9 AS tenants FROM projects'],
    ['a window', 'SELECT name, count(DISTINCT tenant_id) OVER () AS tenants FROM projects'],
    ['a filter', 'SELECT count(DISTINCT tenant_id) FILTER (WHERE true) AS tenants FROM projects'],
    ['a cast that is none', 'SELECT count(DISTINCT tenant_id)::mine AS tenants FROM projects'],
    ['another name', 'SELECT count(DISTINCT tenant_id) AS n FROM projects'],
    ['the name in upper case', 'SELECT count(DISTINCT tenant_id) AS "TENANTS" FROM projects'],
    ['the count in a subquery', 'SELECT * FROM (SELECT count(DISTINCT tenant_id) AS tenants FROM projects) AS x'],
    [
      'the count of a subquery beside rows',
      'SELECT name, (SELECT count(DISTINCT tenant_id) AS tenants FROM projects) FROM projects',
    ],
    [
      'the subquery’s column',
      'SELECT name, x.tenants FROM projects, (SELECT count(DISTINCT tenant_id) AS tenants FROM projects) AS x',
    ],
    ['a second column of the name', 'SELECT count(DISTINCT tenant_id) AS tenants, 9 AS tenants FROM projects'],
    ['a second one that is qualified', 'SELECT count(DISTINCT tenant_id) AS tenants, p.tenants FROM projects AS p'],
    ['a star', 'SELECT count(DISTINCT tenant_id) AS tenants, p.* FROM projects AS p'],
    ['a bare star', 'SELECT *, count(DISTINCT tenant_id) AS tenants FROM projects'],
    [
      'a union',
      'SELECT count(DISTINCT tenant_id) AS tenants FROM projects UNION ALL SELECT 9 AS tenants FROM projects',
    ],
    ['a comment', 'SELECT name -- count(DISTINCT tenant_id) AS tenants\nFROM projects'],
    ['a string', "SELECT 'count(DISTINCT tenant_id) AS tenants' FROM projects"],
    ['a quoted name', 'SELECT id AS "count(DISTINCT tenant_id) AS tenants" FROM projects'],
    ['a function of the user’s', 'SELECT mine.count(DISTINCT tenant_id) AS tenants FROM projects'],
    ['a table', 'TABLE projects'],
    ['values', 'VALUES (9)'],
    ['a write', 'WITH gone AS (DELETE FROM projects RETURNING *) DELETE FROM tasks'],
    ['no FROM', 'SELECT count(DISTINCT tenant_id) AS tenants'],
    ['text that ends in a string', "SELECT count(DISTINCT tenant_id) AS tenants FROM projects WHERE name = 'x"],
    ['nothing', ''],
  ])('%s', (_, sql) => {
    expect(() => checkAggregate(sql, limit)).toThrow(expect.objectContaining({ code: 'QUERY.UNSUPPORTED' }))
  })
})

describe('of an answer', () => {
  test.each([
    ['a row about too few', ['tenants'], [[3], [2]]],
    ['a count that is no number', ['tenants'], [['many']]],
    ['NULL', ['tenants'], [[null]]],
    ['a negative count', ['tenants'], [[-9]]],
    ['no such column', ['n'], [[9]]],
    ['the column twice', ['tenants', 'tenants'], [[9, 1]]],
  ])('%s hands out nothing', (_, columns, rows) => {
    expect(() => checkCovers(columns, rows, limit)).toThrow(expect.objectContaining({ code: 'ACROSS.TOO_FEW_TENANTS' }))
  })

  test.each([
    ['a number', [[3]]],
    ['a text', [['3']]],
    ['a bigint', [[3n]]],
    ['no row', []],
  ])('%s passes', (_, rows) => {
    expect(() => checkCovers(['tenants'], rows, limit)).not.toThrow()
  })
})

describe.each(modes)('in %s mode', (mode) => {
  let db: TenantDatabase
  let opened: ReturnType<typeof openAcross>
  beforeAll(async () => {
    db = await createAuditedDatabase()
    await seedTenants(db, [randomUUID(), randomUUID(), randomUUID()])
    await seedTenants(db, [randomUUID()], { projects: 9 })
    opened = openAcross(mode, db)
  })
  afterAll(async () => {
    await opened?.close()
    await db?.drop()
  })
  const asked = (fn: () => unknown) => opened.prisma.$acrossTenants({ reason: 'x', aggregateOnly: limit }, fn)
  const query = (having: string) =>
    opened.prisma
      .$queryRaw`SELECT name, count(DISTINCT tenant_id)::int AS tenants FROM projects GROUP BY name ${Prisma.raw(having)} ORDER BY name`

  test('figures over enough tenants are handed out', async () => {
    const rows = await asked(() => query('HAVING count(DISTINCT tenant_id) >= 3'))
    expect(rows).toEqual(['Project 1', 'Project 2', 'Project 3'].map((name) => ({ name, tenants: 4 })))
    expect(
      await asked(() =>
        opened.prisma.$transaction(
          async (tx) => tx.$queryRaw`SELECT count(DISTINCT tenant_id)::int AS tenants FROM tasks`,
        ),
      ),
    ).toEqual([{ tenants: 4 }])
  })

  test('and none where a row is about one', async () => {
    await expect(asked(() => query(''))).rejects.toMatchObject({ code: 'ACROSS.TOO_FEW_TENANTS' })
  })

  test.each([
    ['findMany', () => opened.prisma.project.findMany()],
    ['count', () => opened.prisma.project.count()],
    ['groupBy', () => opened.prisma.project.groupBy({ by: ['tenantId'], _count: true })],
    ['a model in a transaction', () => opened.prisma.$transaction(async (tx) => tx.project.findMany())],
    ['raw rows', () => opened.prisma.$queryRaw`SELECT name FROM projects`],
  ])('%s is refused', async (_, call) => {
    await expect(asked(call)).rejects.toMatchObject({ code: 'QUERY.UNSUPPORTED' })
  })

  // What aggregateOnly cannot know: it reads the statement, and not where the counted column comes from.
  test('tenants that are made up in the statement pass', async () => {
    const rows = await asked(
      () =>
        opened.prisma
          .$queryRaw`SELECT max(name) AS name, count(DISTINCT x.tenant_id)::int AS tenants FROM projects, generate_series(1, 9) AS x (tenant_id)`,
    )
    expect(rows).toEqual([{ name: 'Project 9', tenants: 9 }])
  })
})
