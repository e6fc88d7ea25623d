// No scope, and what the app role is: without a tenant there is nothing, and nothing can be switched off.
import pg from 'pg'

import { withoutTenant } from '../../../src/context.js'
import type { Table } from '../catalog.js'
import { rowsOf } from '../owner.js'
import { A, B, insertOf } from '../seed.js'
import { changedBy } from '../world.js'
import { type Attack, asText, outcomeOf } from './attack.js'
import { rowLike } from './copies.js'

export const withoutScope: Attack<Table> = {
  claim: 'without a tenant no row is seen, changed, deleted or made',
  async run(world, table) {
    const [row] = await rowsOf(world, table, B)
    if (!row) throw new Error(`${table.name} has no rows of B's.`)
    const some = pg.escapeIdentifier(table.primaryKey[0] as string)
    const insert = insertOf(table, rowLike(table, row))
    const statements: [string, unknown[]][] = [
      [`UPDATE ${table.sql} SET ${some} = ${some}`, []],
      [`DELETE FROM ${table.sql}`, []],
      [insert.text, insert.values],
    ]
    const leaks: string[] = []
    const attack = async (): Promise<void> => {
      for (const [sql, values] of statements) {
        const outcome = await withoutTenant(() => outcomeOf(() => world.prisma.$executeRawUnsafe(sql, ...values)))
        if (!('error' in outcome) && outcome.answer !== 0) leaks.push(`${sql}: ${asText(outcome)}`)
      }
    }
    const seen = await withoutTenant(() => world.prisma.$queryRawUnsafe(`SELECT * FROM ${table.sql}`))
    if (seen.length > 0) leaks.push(`shows ${seen.length} rows`)
    const changed = await changedBy(world, attack)
    return changed.length > 0 ? [...leaks, `changed: ${changed.join(', ')}`] : leaks
  },
}

/** What the app role would need to get rid of a policy. */
export const switchOff: Attack<Table> = {
  claim: 'the app role owns nothing and can switch no policy off',
  async run(world, table) {
    const leaks: string[] = []
    const client = new pg.Client({ connectionString: world.appUrl })
    await client.connect()
    try {
      await client.query(`SELECT set_config('app.tenant_id', $1, false)`, [A.id])
      const { rows } = await client.query(`SELECT count(*)::int AS n FROM ${table.sql}`)
      if (rows[0].n === 0) throw new Error(`${table.name} shows nothing to A.`)
      for (const sql of [
        `ALTER TABLE ${table.sql} DISABLE ROW LEVEL SECURITY`,
        `ALTER TABLE ${table.sql} NO FORCE ROW LEVEL SECURITY`,
        `ALTER TABLE ${table.sql} DISABLE TRIGGER ALL`,
        `CREATE POLICY mine ON ${table.sql} USING (true)`,
        `DROP TABLE ${table.sql}`,
        `TRUNCATE ${table.sql} CASCADE`,
        `CREATE TRIGGER mine BEFORE INSERT ON ${table.sql} EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
        `CREATE TABLE public.refers (LIKE ${table.sql})`,
        `CREATE TEMP TABLE refers (LIKE ${table.sql})`,
      ]) {
        const outcome = await outcomeOf(() => client.query(sql))
        if (!('error' in outcome) || outcome.error !== '42501') leaks.push(`${sql}: ${asText(outcome).slice(0, 200)}`)
      }
    } finally {
      await client.end()
    }
    const [state] = (
      await world.admin.query(
        `SELECT relrowsecurity AND relforcerowsecurity AS forced, pg_get_userbyid(relowner) AS owner,
           (SELECT count(*)::int FROM pg_policy WHERE polrelid = c.oid) AS policies,
           (SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication FROM pg_roles WHERE rolname = $2) AS powerful
         FROM pg_class c WHERE oid = $1::regclass`,
        [table.sql, new URL(world.appUrl).username],
      )
    ).rows
    if (!state.forced || state.policies === 0) leaks.push(`its policies are not forced: ${asText(state)}`)
    if (state.owner === new URL(world.appUrl).username || state.powerful) leaks.push(`the app role is ${asText(state)}`)
    return leaks
  },
}
