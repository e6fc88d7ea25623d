import assert from 'node:assert/strict'
import { withTenant } from 'prisma-extension-tenancy'
import { type Attack, type Row, refused, rowsOf } from './attack.js'

const everything: Attack = {
  tried: 'raw SQL: select * from projects',
  async attempt(stage) {
    const { attacker, inside, truth } = stage
    const all = await truth('SELECT * FROM projects')
    const own = await rowsOf(stage, attacker, 'projects')
    assert.ok(all.length > own.length)
    const seen = await withTenant(attacker.id, () => inside.prisma.$queryRaw<Row[]>`select * from projects`)
    assert.deepEqual(seen.map(({ id }) => id).sort(), own.map(({ id }) => id).sort())
    return `${seen.length} of ${all.length} rows, all of them its own`
  },
}

const byTenant: Attack = {
  tried: 'raw SQL: … where tenant_id = the other’s, and or true',
  async attempt(stage) {
    const { attacker, victim, inside } = stage
    const real = await rowsOf(stage, victim, 'projects')
    const own = await rowsOf(stage, attacker, 'projects')
    await withTenant(attacker.id, async () => {
      const text = `select * from projects where tenant_id = '${victim.id}'`
      assert.equal((await inside.prisma.$queryRawUnsafe<Row[]>(text)).length, 0)
      assert.equal((await inside.prisma.$queryRawUnsafe<Row[]>(`${text} or true`)).length, own.length)
      // The pool on its own, as a query builder or a hand-written query uses it.
      assert.equal((await inside.pool.query(text)).rows.length, 0)
    })
    return `0 of the other’s ${real.length} rows`
  },
}

const aggregates: Attack = {
  tried: 'counts, sums and groups over the other’s rows',
  async attempt(stage) {
    const { attacker, victim, inside } = stage
    const real = await rowsOf(stage, victim, 'tasks')
    const own = await rowsOf(stage, attacker, 'tasks')
    const where = { tenantId: victim.id }
    await withTenant(attacker.id, async () => {
      assert.equal(await inside.prisma.task.count({ where }), 0)
      assert.equal((await inside.prisma.task.aggregate({ where, _sum: { hours: true } }))._sum.hours, null)
      const groups = await inside.prisma.task.groupBy({ by: ['tenantId'], _count: true })
      assert.deepEqual(groups, [{ tenantId: attacker.id, _count: own.length }])
    })
    return `0 of ${real.length} counted, and one group: its own`
  },
}

const changedSetting: Attack = {
  tried: 'raw SQL that changes the tenant: set_config, SET and DO, in subqueries, behind comments',
  async attempt(stage) {
    const { attacker, victim, inside } = stage
    await rowsOf(stage, victim, 'projects')
    const own = await rowsOf(stage, attacker, 'projects')
    const texts = [
      `select set_config('app.tenant_id', '${victim.id}', false)`,
      `select set_config('app.tenant_id', '${victim.id}', true)`,
      `with x as materialized (select set_config('app.tenant_id', '${victim.id}', true)) select p.* from x, projects p`,
      `select * from projects where "set_config"('app.tenant_id', '${victim.id}', true) is not null`,
      `/* harmless */ SET app.tenant_id = '${victim.id}'`,
      `SET LOCAL app.tenant_id = '${victim.id}'`,
      `do $$ begin perform set_config('app.tenant_id', '${victim.id}', false); end $$`,
      'reset all',
    ]
    await withTenant(attacker.id, async () => {
      for (const text of texts) {
        await refused('QUERY.UNSUPPORTED', () => inside.prisma.$queryRawUnsafe(text))
        await refused('QUERY.UNSUPPORTED', () => inside.prisma.$transaction((tx) => tx.$executeRawUnsafe(text)))
        assert.equal(await inside.prisma.project.count(), own.length)
      }
    })
    return `${texts.length} texts, inside and outside a transaction, refused: QUERY.UNSUPPORTED`
  },
}

export const RAW_SQL = [everything, byTenant, aggregates, changedSetting]
