import { quoteIdentifier } from '../../sql/quote.js'
import type { Call } from '../client.js'
import { columnOf, insertOf, rowIs, sqlName } from '../rows.js'
import type { Attack } from './attack.js'
import { freshRow } from './fresh-row.js'

/** The same in SQL, which no extension rewrites: also on tables that no model has. */
export const raw: Attack = {
  name: 'raw SQL',
  on: ['tenant', 'child', 'view'],
  async run(trial) {
    const { world, target } = trial
    const { table } = target
    const name = sqlName(table)
    if (target.kind === 'view') {
      const row = await world.viewRow(target)
      if (!row) return 'tenant a sees no row of its own here that could be told'
      const rows = world.made.filter(({ side }) => side === world.a)
      await trial.hidden({ query: `SELECT to_json(t)::text AS row FROM ${name} AS t` }, { rows })
      return undefined
    }
    const { a, b } = trial
    const { condition, values } = rowIs(a)
    const rowsIn = (answer: unknown) => (answer as unknown[]).length > 0
    const select: Call = { query: `SELECT to_json(t)::text AS row FROM ${name} AS t WHERE ${condition}`, values }
    if (!(await trial.hidden(select, { shows: rowsIn }))) {
      const own = await world.outcome(world.a, select)
      if ('answer' in own)
        throw trial.leak(
          'Tenant a does not see its own row through raw SQL, which is not bound to it',
          [a],
          [[world.a, select]],
        )
      throw trial.failure(world.a, select, own)
    }
    await trial.hidden(
      {
        query: `WITH t AS (SELECT * FROM ${name} WHERE ${condition} OR ${condition}) SELECT count(*)::int AS n FROM t`,
        values,
      },
      { shows: (answer) => (answer as { n: number }[])[0]?.n !== 0 },
    )
    const some = quoteIdentifier(
      table.columns.find(
        ({ generated, identity, name: column }) => !generated && !identity && a.values[column] !== null,
      )?.name ?? '',
    )
    if (table.may.update) {
      const update = `UPDATE ${name} SET ${some} = ${some} WHERE ${condition}`
      const own = await world.outcome(world.b, { execute: update, values: rowIs(b).values })
      if (!('answer' in own) || own.answer !== 1)
        throw trial.failure(world.b, { execute: update, values: rowIs(b).values }, own)
      await trial.refused(world.b, { execute: update, values }, { what: "updates tenant a's row by raw SQL" })
      await moves()
    }
    if (table.may.insert) {
      const fresh = await freshRow(world, target, world.a)
      const { sql, values: sent } = insertOf(table, fresh.values)
      await trial.refused(
        world.b,
        { execute: sql, values: sent },
        {
          what: 'makes a row of tenant a by raw SQL',
          makes: fresh.made,
          accept: ['policy', 'foreign key', 'trigger'],
          passed: ['unique'],
          harmless: async () => {
            const found = rowIs(fresh.made)
            const query = `SELECT 1 AS one FROM ${name} WHERE ${found.condition}`
            const seen = await world.must(world.a, { query, values: found.values }, 'Tenant a cannot look for a row')
            return (seen as unknown[]).length === 0
          },
          rows: fresh.made.parents,
        },
      )
    }
    if (table.may.delete) {
      await trial.refused(
        world.b,
        { execute: `DELETE FROM ${name} WHERE ${condition}`, values },
        {
          what: "deletes tenant a's row by raw SQL",
          passed: ['foreign key', 'not null'],
        },
      )
    }
    return undefined

    async function moves(): Promise<void> {
      const { tenantColumn } = world.options
      if (!table.columns.some((column) => column.name === tenantColumn)) return
      const where = rowIs(b, 2)
      const set = `UPDATE ${name} SET ${quoteIdentifier(tenantColumn)} = $1::text::${columnOf(table, tenantColumn).type}`
      await trial.refused(
        world.b,
        { execute: `${set} WHERE ${where.condition}`, values: [String(world.a.id), ...where.values] },
        {
          what: 'gives a row of its own to tenant a by raw SQL',
          accept: ['policy', 'foreign key', 'trigger'],
          passed: ['unique'],
          harmless: async () => {
            const query = `SELECT 1 AS one FROM ${name} WHERE ${condition}`
            const seen = await world.must(world.a, { query, values: rowIs(b).values }, 'Tenant a cannot look for a row')
            return (seen as unknown[]).length === 0
          },
          rows: [b],
        },
      )
    }
  },
}

/** TRUNCATE asks no policy. It is not tried: it would take everybody's rows. */
export const truncate: Attack = {
  name: 'truncate',
  async run(trial) {
    const { table } = trial.target
    if (table.owned) return 'the role owns the table: see the notes'
    if (table.may.truncate) {
      throw trial.leak(
        `The role "${trial.world.catalog.role.name}" may TRUNCATE the table, which no policy stops, and so take every tenant's rows; the kit did not`,
        [],
        [[trial.world.b, { execute: `TRUNCATE ${sqlName(table)} CASCADE` }]],
      )
    }
    trial.tried += 1
    return undefined
  },
}
