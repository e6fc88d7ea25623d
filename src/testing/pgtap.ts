import { checkSettingName } from '../setting-name.js'
import { checkIdentifier, dollarQuote, quoteIdentifier, quoteLiteral, quoteRole } from '../sql/quote.js'
import { openWorld } from './open-world.js'
import { checkOptions, type IsolationOptions } from './options.js'
import { columnOf, keyColumns, type Made, type Side, sqlName } from './rows.js'
import type { World } from './world.js'

/** Options of `isolationPgTap`; the others as in `assertTenantIsolation`. */
export interface PgTapOptions extends IsolationOptions {
  /** The role of the service, which the tests take on. Default `'app_user'`. */
  readonly appRole?: string
  /** The run-time parameter that carries the tenant; a sealed one cannot be set by SQL. Default `'app.tenant_id'`. */
  readonly setting?: string
}

/**
 * The tests of a database's tenant tables as SQL for pgTAP, for teams that run `pg_prove`: rows of tenant a, made in a
 * transaction that is rolled back, and what tenant b and nobody can do about them. It asks the client's models and the
 * catalog, as `assertTenantIsolation` does, and leaves nothing in the database.
 *
 * Run it with a login that may `SET ROLE` to the role of the service, where `CREATE EXTENSION pgtap` was done. What only
 * shows through Prisma (races, transactions, raw SQL that is not bound) is not in it.
 *
 * @throws TenancyError as `assertTenantIsolation`, and `CONFIG.INVALID` for a setting that is none
 * @example await writeFile('tests/isolation.sql', await isolationPgTap(prisma, { tenants: [a, b] }))
 * @see https://pgtap.org/documentation.html
 */
export async function isolationPgTap(prisma: object, options: PgTapOptions): Promise<string> {
  const { appRole = 'app_user', setting = 'app.tenant_id', ...rest } = options
  const name = checkSettingName(setting)
  const { world } = await openWorld(prisma, checkOptions(rest))
  try {
    await world.seedAll()
    return textOf(world, name, checkIdentifier(appRole))
  } finally {
    await world.remove()
  }
}

function textOf(world: World, setting: string, role: string): string {
  const targets = world.targets.filter(({ kind }) => kind === 'tenant' || kind === 'child')
  const as = (side: Side | undefined) =>
    `SELECT set_config(${quoteLiteral(setting)}, ${quoteLiteral(side ? String(side.id) : '')}, true);`
  const tests: string[] = []
  const test = (sql: string): void => void tests.push(sql)
  const section = (text: string): void => void tests.push(`\n-- ${text.replaceAll(/\p{C}/gu, '?')}`)

  section('The tables themselves')
  for (const { table, name } of targets) {
    for (const [column, what] of [
      ['relrowsecurity', 'row-level security is on'],
      ['relforcerowsecurity', 'it holds for the owner too'],
    ]) {
      test(
        `SELECT ok((SELECT ${column} FROM pg_catalog.pg_class WHERE oid = ${quoteLiteral(sqlName(table))}::regclass), ${quoteLiteral(`${name}: ${what}`)});`,
      )
    }
  }
  for (const side of [world.a, world.b]) {
    section(`Rows of tenant ${side.name}`)
    test(`SET LOCAL ROLE ${quoteRole(role)};`)
    test(as(side))
    for (const target of targets) for (const made of world.rows(target, side)) test(`${literal(made)};`)
  }
  section('Tenant a sees its rows')
  test(as(world.a))
  for (const { name, made } of rowsOf(world.a)) {
    test(
      `SELECT isnt_empty(${body(`SELECT 1 FROM ${from(made)}`)}, ${quoteLiteral(`${name}: tenant a sees its row`)});`,
    )
  }
  for (const side of [world.b, undefined]) {
    const who = side ? 'tenant b' : 'nobody'
    section(`What ${who} can do with them`)
    test(as(side))
    for (const { name, made } of rowsOf(world.a)) {
      const { table } = made.target
      const told = (what: string) => quoteLiteral(`${name}: ${who} ${what}`)
      test(`SELECT is_empty(${body(`SELECT 1 FROM ${from(made)}`)}, ${told('does not see the row')});`)
      const some = quoteIdentifier(keyColumns(made)[0] as string)
      if (table.may.update)
        test(`SELECT is_empty(${body(`UPDATE ${set(made, some)} RETURNING 1`)}, ${told('does not update the row')});`)
      if (table.may.delete)
        test(`SELECT is_empty(${body(`DELETE FROM ${from(made)} RETURNING 1`)}, ${told('does not delete the row')});`)
      // The same row again: the policy is asked before any key is.
      if (table.may.insert)
        test(`SELECT throws_ok(${body(literal(made))}, '42501', NULL, ${told('makes no row of tenant a')});`)
    }
  }
  const plan = tests.filter((sql) => /^SELECT (?:ok|isnt_empty|is_empty|throws_ok)\(/.test(sql)).length
  return `-- Tenant isolation, for pgTAP. Written from the client's models and the catalog; nothing of it stays.
BEGIN;
SELECT plan(${plan});
${tests.join('\n')}

RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
`

  function rowsOf(side: Side): { name: string; made: Made }[] {
    return targets.map((target) => ({ name: target.name, made: world.row(target, side) }))
  }
}

function body(sql: string): string {
  return dollarQuote(sql)
}

function from(made: Made): string {
  return `${sqlName(made.target.table)} WHERE ${where(made)}`
}

function set(made: Made, column: string): string {
  return `${sqlName(made.target.table)} SET ${column} = ${column} WHERE ${where(made)}`
}

function where(made: Made): string {
  return keyColumns(made)
    .map((name) => {
      const value = made.values[name]
      const column = quoteIdentifier(name)
      return value == null
        ? `${column} IS NULL`
        : `${column} = ${quoteLiteral(value)}::${columnOf(made.target.table, name).type}`
    })
    .join(' AND ')
}

/** The row as it became, defaults and all. */
function literal({ target: { table }, values }: Made): string {
  const columns = table.columns.filter(({ name, generated }) => !generated && values[name] != null)
  const overriding = columns.some(({ identity }) => identity) ? ' OVERRIDING SYSTEM VALUE' : ''
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  const all = columns.map(({ name, type }) => `${quoteLiteral(values[name] as string)}::${type}`).join(', ')
  return `INSERT INTO ${sqlName(table)} (${names})${overriding} VALUES (${all})`
}
