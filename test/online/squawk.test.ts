// Proves that squawk, the linter for PostgreSQL migrations, has no complaint about what is sent to a live database beyond
// the ones listed here, each with its reason. Also that it would complain about the plain migration, so that it looks.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

import type { OnlineAction, Step } from '../../src/migration/step.js'
import { dropForeignKey, tenantForeignKeyOnline } from '../../src/sql/foreign-key.js'
import { dropIndex, tenantIndexes } from '../../src/sql/indexes.js'
import { keepTenant } from '../../src/sql/keep-tenant.js'
import { enableRowLevelSecurity, tenantPolicy } from '../../src/sql/policies.js'
import { tenantPrimaryKeyOnline } from '../../src/sql/primary-key.js'
import { sharedTable } from '../../src/sql/shared-table.js'
import { requireTenantOnline, tenantColumn } from '../../src/sql/tenant-column.js'
import { dropUnique, tenantUnique } from '../../src/sql/unique.js'
import { fixtureSteps } from './fixture-steps.js'

interface Complaint {
  readonly rule: string
  /** The statement that it is about. */
  readonly statement: string
}

interface Exception {
  readonly rule: string
  readonly about: RegExp
  readonly reason: string
}

/** None is needed so far: everything online is written so that it can be run again. */
const exceptions: readonly Exception[] = []

/** What the engine sends: short transactions under both timeouts, the rest one by one, index builds without. */
function sent(actions: readonly OnlineAction[]): string {
  const start = "SET lock_timeout = '1s';\nSET statement_timeout = 0;\n"
  return start + actions.map(textOf).join('')
}

function textOf(action: OnlineAction): string {
  switch (action.kind) {
    case 'transaction':
      return `BEGIN;\nSET LOCAL lock_timeout = '500ms';\nSET LOCAL statement_timeout = '750ms';\n${action.sql}\nCOMMIT;\n`
    case 'statement':
      return `${action.sql.trim().replace(/;$/, '')};\n`
    case 'index':
      return `SET lock_timeout = 0;\n${action.sql.trim().replace(/;$/, '')};\nSET lock_timeout = '1s';\n`
    case 'backfill':
    case 'check':
      return '' // rows, not definitions
  }
}

const online = (step: Step): readonly OnlineAction[] => step.online ?? [{ kind: 'transaction', sql: step.sql }]

async function complaints(sql: string): Promise<Complaint[]> {
  const folder = dirname(createRequire(import.meta.url).resolve('squawk-cli/package.json'))
  const child = spawn(process.execPath, [join(folder, 'js/bin/squawk'), '--reporter', 'json', '--pg-version', '15.0'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(sql)
  let output = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) output += chunk
  const lines = sql.split('\n')
  return (JSON.parse(output) as { rule_name: string; line: number; line_end: number }[]).map((found) => ({
    rule: found.rule_name,
    statement: lines.slice(found.line, found.line_end + 1).join('\n'), // it counts from 0
  }))
}

const unexplained = (found: readonly Complaint[]): Complaint[] =>
  found.filter(({ rule, statement }) => !exceptions.some((each) => each.rule === rule && each.about.test(statement)))

const table = { schema: 'public', table: 'tasks' }
const projects = { schema: 'public', table: 'projects' }
const key = { columns: ['project_id'], references: { table: projects, columns: ['id'] } }
const transactions = (statements: readonly string[]): OnlineAction[] =>
  statements.map((sql) => (/VALIDATE/.test(sql) ? { kind: 'statement', sql } : { kind: 'transaction', sql }))
const concurrently = (sql: string): OnlineAction => ({
  kind: 'index',
  name: '',
  table,
  sql: sql.replace(/-- IF NOT[\s\S]*/, ''),
})

const functions: Record<string, OnlineAction[]> = {
  tenantColumn: transactions([tenantColumn(table)]),
  requireTenantOnline: transactions(requireTenantOnline(table)),
  tenantIndexes: [concurrently(tenantIndexes(table, { concurrently: true }))],
  tenantUnique: [concurrently(tenantUnique(table, { columns: ['name'], concurrently: true }))],
  dropIndex: [concurrently(dropIndex(table, { name: 'tasks_old_idx', concurrently: true }))],
  'dropUnique of an index': [concurrently(dropUnique(table, { name: 'tasks_name_key', concurrently: true }))],
  'dropUnique of a constraint': transactions([dropUnique(table, { name: 'tasks_name_key', constraint: true })]),
  tenantForeignKeyOnline: transactions(tenantForeignKeyOnline(table, key)),
  dropForeignKey: transactions([dropForeignKey(table, { name: 'tasks_project_id_fkey' })]),
  'tenantPolicy and enableRowLevelSecurity': transactions([tenantPolicy(table) + enableRowLevelSecurity(table)]),
  keepTenant: transactions([keepTenant(table)]),
  sharedTable: transactions([sharedTable(table, { app: 'app_user' })]),
  tenantPrimaryKeyOnline: tenantPrimaryKeyOnline(table, { columns: ['code'] }).map((sql, at) =>
    at === 0 ? concurrently(sql) : { kind: 'transaction', sql },
  ),
}

describe('squawk', () => {
  test('complains about the same steps as one migration, so it does look', async () => {
    const found = await complaints(fixtureSteps.map(({ sql }) => sql).join('\n'))
    const rules = new Set(found.map(({ rule }) => rule))
    expect([...rules]).toEqual(
      expect.arrayContaining(['require-concurrent-index-creation', 'constraint-missing-not-valid']),
    )
  })

  test('has no complaint about the steps as they are applied online', async () => {
    expect(unexplained(await complaints(sent(fixtureSteps.flatMap(online))))).toEqual([])
  })

  test.each(Object.entries(functions))('has no complaint about the online form of %s', async (_, actions) => {
    expect(unexplained(await complaints(sent(actions)))).toEqual([])
  })

  test('every exception is needed', async () => {
    const all = await complaints(sent([...fixtureSteps.flatMap(online), ...Object.values(functions).flat()]))
    for (const { rule, about } of exceptions) {
      expect(all.filter((each) => each.rule === rule && about.test(each.statement))).not.toEqual([])
    }
  })
})
