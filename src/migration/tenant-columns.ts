import type { TenantTable } from '../schema/desired.js'
import { backfillTenant, backfillValue } from '../sql/backfill.js'
import { quoteIdentifier, quoteTable } from '../sql/quote.js'
import {
  allowNoTenant,
  dropTenantColumn,
  dropTenantDefault,
  requireTenant,
  requireTenantOnline,
  tenantColumn,
  tenantDefault,
} from '../sql/tenant-column.js'
import { columnIs, constraintIsGone } from './done.js'
import { makeStep, statement, transaction } from './make-step.js'
import type { OnlineAction, Step } from './step.js'

/** The column, with the tenant in scope as its default. */
export function columnSteps(desired: TenantTable, setting: string): Step[] {
  const { table, column, type, columnIsNew, hadDefault, defaultIsThere } = desired
  if (!columnIsNew && (hadDefault || defaultIsThere)) return []
  const options = { column, type, setting }
  return [
    makeStep({
      what: columnIsNew ? 'column' : 'default',
      table,
      title: columnIsNew ? `Tenant column of ${desired.model}` : `Default of the tenant column of ${desired.model}`,
      sql: columnIsNew ? tenantColumn(table, options) : tenantDefault(table, options),
      down: columnIsNew ? dropTenantColumn(table, { column }) : dropTenantDefault(table, { column }),
      done: columnIs(table, column, 'atthasdef'),
    }),
  ]
}

/** The tenant of the rows that are there. Nothing undoes it: the column goes, or the rows keep their tenant. */
export function backfillSteps(desired: TenantTable): Step[] {
  const { table, column, type, backfill, primaryKey } = desired
  if (backfill.length === 0) return []
  const online = backfill.map((from): OnlineAction => {
    // Without a primary key there is nothing to page along.
    if (primaryKey.length === 0) return statement(backfillTenant(table, { column, type, from }))
    return { kind: 'backfill', table, column, key: primaryKey, value: backfillValue({ type, from }) }
  })
  return [
    makeStep({
      what: 'backfill',
      table,
      title: `Tenants of the rows of ${desired.model}`,
      sql: backfill.map((from) => backfillTenant(table, { column, type, from })).join(''),
      done: columnIs(table, column, 'attnotnull'),
      online,
    }),
  ]
}

/** No row without a tenant. */
export function requiredSteps(desired: TenantTable): Step[] {
  const { table, column, columnIsNew, columnWasNullable, model, primaryKey } = desired
  if (!columnIsNew && !columnWasNullable) return []
  const [add = '', validate = '', set = '', drop = ''] = requireTenantOnline(table, { column })
  const key = (primaryKey.length > 0 ? primaryKey : ['ctid']).map(quoteIdentifier).join(', ')
  const check: OnlineAction = {
    kind: 'check',
    sql: `SELECT ${key} FROM ${quoteTable(table)} WHERE ${quoteIdentifier(column)} IS NULL`,
    problem: `rows of ${model} belong to no tenant, and no parent tells which is theirs`,
    hint: `Say whose they are in tenancy.config.json: "backfill": { "${model}": "<tenant id>" }.`,
  }
  const checkName = /ADD CONSTRAINT "((?:[^"]|"")*)"/.exec(add)?.[1]?.replaceAll('""', '"') ?? ''
  return [
    makeStep({
      what: 'required',
      table,
      title: `Every row of ${model} has a tenant`,
      sql: requireTenant(table, { column }),
      // A column that is dropped next needs no more.
      down: columnIsNew ? '' : allowNoTenant(table, { column }),
      done: `${columnIs(table, column, 'attnotnull')} AND ${constraintIsGone(table, checkName)}`,
      online: [check, transaction(add), statement(validate), transaction(set), transaction(drop)],
    }),
  ]
}
