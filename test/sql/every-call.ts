// Every function of /sql, called with names and texts that a test chooses, each option at least once.
import * as sql from '../../src/sql/index.js'

/** What the caller of a function may choose freely. */
export interface Choice {
  /** At least twelve names, all different. */
  readonly names: readonly string[]
  /** A text for a literal: a password, a tenant. */
  readonly text: string
}

type Call = (choice: Choice) => string | readonly string[]

/** By the function's name; the test of this list finds what is missing. */
export const everyCall: Readonly<Record<string, Call>> = {
  acrossTenantsAudit: ({ names: [s = '', t = '', app = ''] }) => [
    sql.acrossTenantsAudit({ app, table: { schema: s, table: t } }),
    sql.acrossTenantsAudit({ app }),
  ],
  allowNoTenant: ({ names: [t = '', c] }) => sql.allowNoTenant(t, { column: c }),
  backfillTenant: ({ names: [s = '', t = '', p = '', c, d, k = '', l = ''], text }) => [
    sql.backfillTenant({ schema: s, table: t }, { column: c, from: { tenant: text } }),
    sql.backfillTenant(t, {
      column: c,
      from: { parent: { table: { schema: s, table: p }, column: d, keys: [[k, l]] } },
    }),
  ],
  backfillValue: ({ names: [t = '', k = '', l = '', c], text }) => [
    `SELECT ${sql.backfillValue({ from: { tenant: text } })}`,
    `SELECT ${sql.backfillValue({ from: { parent: { table: t, column: c, keys: [[k, l]] } } })} FROM x AS child`,
  ],
  disableRowLevelSecurity: ({ names: [s = '', t = ''] }) => sql.disableRowLevelSecurity({ schema: s, table: t }),
  dropAcrossTenantsAudit: ({ names: [s = '', t = '', app = ''] }) =>
    sql.dropAcrossTenantsAudit({ app, table: { schema: s, table: t } }),
  dropForeignKey: ({ names: [t = '', n = ''] }) => sql.dropForeignKey(t, { name: n }),
  dropIndex: ({ names: [s = '', t = '', n = ''] }) => sql.dropIndex({ schema: s, table: t }, { name: n }),
  dropKeepTenant: ({ names: [t = '', c, n] }) => sql.dropKeepTenant(t, { column: c, name: n }),
  dropMigratorPolicy: ({ names: [t = '', n] }) => sql.dropMigratorPolicy(t, { name: n }),
  dropTenantColumn: ({ names: [t = '', c] }) => sql.dropTenantColumn(t, { column: c }),
  dropTenantDefault: ({ names: [t = '', c] }) => sql.dropTenantDefault(t, { column: c }),
  dropTenantIndexes: ({ names: [s = '', t = '', c, i = '', n = ''] }) =>
    sql.dropTenantIndexes({ schema: s, table: t }, { column: c, indexes: [[i], { columns: [i, n], name: n }] }),
  dropTenantPolicy: ({ names: [t = '', n] }) => sql.dropTenantPolicy(t, { name: n }),
  dropTenantRoles: ({ names: [app = '', owner, migrator, bypass, ...schemas] }) =>
    sql.dropTenantRoles({ app, owner, migrator, bypass, schemas }),
  dropUnique: ({ names: [s = '', t = '', n = ''] }) => [
    sql.dropUnique({ schema: s, table: t }, { name: n, concurrently: true }),
    sql.dropUnique(t, { name: n, constraint: true }),
  ],
  enableRowLevelSecurity: ({ names: [s = '', t = ''] }) => sql.enableRowLevelSecurity({ schema: s, table: t }),
  keepTenant: ({ names: [s = '', t = '', c, n] }) => sql.keepTenant({ schema: s, table: t }, { column: c, name: n }),
  migratorPolicy: ({ names: [t = '', m = '', n] }) => sql.migratorPolicy(t, { migrator: m, name: n }),
  parentPolicy: ({ names: [s = '', t = '', p = '', q = '', k = '', l = '', c = '', n] }) =>
    sql.parentPolicy(
      { schema: s, table: t },
      {
        name: n,
        parents: [
          { keys: [[k, l]], required: false, table: { schema: s, table: p }, column: c },
          {
            keys: [
              [l, k],
              [k, c],
            ],
            required: true,
            table: q,
            parents: [{ keys: [[c, k]], required: true, table: p, column: l }],
          },
        ],
      },
    ),
  protectTable: ({ names: [s = '', t = '', c, i = ''] }) => [
    sql.protectTable({ schema: s, table: t }, { column: c, indexes: [[i]] }),
    sql.protectTable(t, { column: c, indexes: [[i]], concurrently: true }),
  ],
  quoteIdentifier: ({ names: [n = ''] }) => `SELECT ${sql.quoteIdentifier(n)}`,
  quoteLiteral: ({ text }) => `SELECT ${sql.quoteLiteral(text)}`,
  quoteTable: ({ names: [s = '', t = ''] }) => `SELECT FROM ${sql.quoteTable({ schema: s, table: t })}`,
  requireTenant: ({ names: [t = '', c] }) => sql.requireTenant(t, { column: c }),
  requireTenantOnline: ({ names: [s = '', t = '', c] }) =>
    sql.requireTenantOnline({ schema: s, table: t }, { column: c }),
  restoreForeignKey: ({ names: [t = '', k = '', p = '', l = '', n] }) => [
    sql.restoreForeignKey(t, { columns: [k], references: { table: p, columns: [l] }, name: n, onDelete: 'CASCADE' }),
    sql.restoreForeignKey(t, { columns: [k], references: { table: p, columns: [l] } }),
  ],
  restorePrimaryKey: ({ names: [t = '', k = '', l = '', n] }) => [
    sql.restorePrimaryKey(t, { columns: [k, l], name: n }),
    sql.restorePrimaryKey(t, { columns: [k, l] }),
  ],
  restoreUnique: ({ names: [s = '', t = '', k = '', n = ''] }) => [
    sql.restoreUnique({ schema: s, table: t }, { name: n, columns: [k] }),
    sql.restoreUnique(t, { name: n, columns: [k], constraint: true }),
  ],
  sharedTable: ({ names: [s = '', t = '', app = ''] }) => sql.sharedTable({ schema: s, table: t }, { app }),
  tenantColumn: ({ names: [s = '', t = '', c] }) => sql.tenantColumn({ schema: s, table: t }, { column: c }),
  tenantDefault: ({ names: [t = '', c] }) => sql.tenantDefault(t, { column: c, type: 'bigint' }),
  tenantForeignKey: ({ names: [s = '', t = '', k = '', p = '', l = '', c, d, n] }) => [
    sql.tenantForeignKey(
      { schema: s, table: t },
      {
        columns: [k],
        references: { table: { schema: s, table: p }, columns: [l] },
        column: c,
        parentColumn: d,
        name: n,
      },
    ),
    sql.tenantForeignKey(t, { columns: [k], references: { table: p, columns: [l] }, column: c, onDelete: 'SET NULL' }),
    sql.tenantForeignKey(t, {
      columns: [k],
      references: { table: p, columns: [l] },
      column: c,
      onDelete: 'SET NULL',
      onDeleteColumns: [k],
    }),
  ],
  tenantForeignKeyOnline: ({ names: [t = '', k = '', p = '', l = '', c] }) =>
    sql.tenantForeignKeyOnline(t, { columns: [k], references: { table: p, columns: [l] }, column: c }),
  tenantIndexes: ({ names: [s = '', t = '', c, i = '', n = ''] }) => [
    sql.tenantIndexes({ schema: s, table: t }, { column: c, indexes: [[i], { columns: [i, n], name: n }] }),
    sql.tenantIndexes({ schema: s, table: t }, { column: c, indexes: [[i]], concurrently: true }),
  ],
  tenantPolicy: ({ names: [s = '', t = '', c, n] }) => [
    sql.tenantPolicy({ schema: s, table: t }, { column: c, name: n }),
    sql.tenantPolicy(t, { column: c, name: n, sealed: true }),
  ],
  tenantPrimaryKey: ({ names: [t = '', c, k = '', n] }) => [
    sql.tenantPrimaryKey(t, { columns: [k], column: c, name: n }),
    sql.tenantPrimaryKey(t, { columns: [k], column: c }),
  ],
  tenantPrimaryKeyOnline: ({ names: [t = '', c, k = '', n, i] }) => [
    ...sql.tenantPrimaryKeyOnline(t, { columns: [k], column: c, name: n, index: i }),
    ...sql.tenantPrimaryKeyOnline(t, { columns: [k], column: c }),
  ],
  tenantRoles: ({ names: [app = '', owner, migrator, bypass, shared = '', ...schemas], text }) =>
    sql.tenantRoles({ app, owner, migrator, bypass, schemas, shared: [shared], password: text }),
  tenantUnique: ({ names: [s = '', t = '', c, k = '', n] }) => [
    sql.tenantUnique({ schema: s, table: t }, { columns: [k], column: c, name: n, concurrently: true }),
    sql.tenantUnique(t, { columns: [k], column: c }),
  ],
  unprotectTable: ({ names: [s = '', t = '', c, i = ''] }) =>
    sql.unprotectTable({ schema: s, table: t }, { column: c, indexes: [[i]], concurrently: true }),
  unshareTable: ({ names: [t = '', app = ''] }) => sql.unshareTable(t, { app }),
}
