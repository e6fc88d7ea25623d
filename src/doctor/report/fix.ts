import type { Finding } from '../finding.js'
import { distinct } from './groups.js'
import { printable } from './printable.js'

/** What of a report can be mended by running SQL, and what a person has to decide first. */
export interface Fixes {
  /** For a migration; `''` where nothing can be mended mechanically. */
  readonly sql: string
  /** The same without what is said to people at its end. */
  readonly statements: string
  readonly mechanical: readonly Finding[]
  readonly forPeople: readonly Finding[]
}

/**
 * The order in which fixes stand on each other: columns before the indexes and keys on them, unique keys before the
 * foreign keys that refer to them, policies before row-level security is turned on, and what takes rights away last.
 */
export const fixOrder: readonly string[] = [
  // Columns, and what stands on them.
  'tenant-type-mismatch',
  'tenant-column-nullable',
  'invalid-index',
  'tenant-index-missing',
  'sealed-without-index',
  'unindexable-filter',
  'index-tells-values',
  'unique-without-tenant',
  'foreign-key-without-tenant',
  'unvalidated-constraint',
  // Policies. One that is dropped may be another's that is made again, so the makers come second.
  'policy-widened',
  'policy-ignores-tenant',
  'policy-fails-open',
  'policy-crashes-on-empty',
  'tenant-column-wrapped',
  'with-check-weak',
  'plain-and-sealed-mixed',
  'no-policy-for-app-role',
  'policy-opaque',
  // Row-level security itself.
  'child-unprotected',
  'partition-open',
  'policies-without-rls',
  'rls-disabled',
  'rls-not-forced',
  // Ways around it.
  'view-without-invoker',
  'materialized-view',
  'definer-function',
  'leakproof-function',
  'foreign-table',
  'publication-unfiltered',
  'seal-key-readable',
  // Settings and rights.
  'setting-has-default',
  'public-grant',
  'dangerous-grant',
  'default-privileges',
  'schema-create',
  'temp-on-database',
  'app-role-owns',
  'app-role-can-become',
  'app-role-bypasses-rls',
  'migration-login-blind',
  // Nothing that SQL could mend.
  'policy-drift',
  'server-outdated',
  'pooler-leaks-settings',
  'no-tenant-tables',
]

/** Each mechanical fix once, in an order in which they can run in one transaction; proposals as comments behind them. */
export function fixesOf(findings: readonly Finding[]): Fixes {
  const place = ({ rule }: Finding): number => (fixOrder.includes(rule) ? fixOrder.indexOf(rule) : fixOrder.length)
  const sorted = [...findings].sort((one, other) => place(one) - place(other))
  const mechanical = sorted.filter(({ fix, needsPerson }) => fix !== '' && needsPerson === undefined)
  const forPeople = sorted.filter((finding) => !mechanical.includes(finding))
  if (mechanical.length === 0) return { sql: '', statements: '', mechanical, forPeople }
  const parts = distinct(mechanical.map(({ fix }) => fix)).map((fix) => {
    const mended = distinct(mechanical.filter((finding) => finding.fix === fix).map(nameOf))
    return `${mended.map((name) => `-- ${name}\n`).join('')}${endingInLine(fix)}`
  })
  const statements = [head, ...parts].join('\n')
  return { sql: [statements, ...proposals(forPeople)].join('\n'), statements, mechanical, forPeople }
}

const head = '-- Written by tenancy doctor: what can be mended without a decision. Read it before you apply it.\n'

/** Of a finding, as a comment can hold it. */
function nameOf({ rule, object }: Finding): string {
  return `${rule}: ${printable(object)}`
}

function proposals(findings: readonly Finding[]): string[] {
  if (findings.length === 0) return []
  const each = findings.map(
    (finding) => `${nameOf(finding)}\n  ${printable(finding.needsPerson ?? finding.detail)}\n${indented(finding.fix)}`,
  )
  return [commented(`Nothing below is run: a person has to decide.\n\n${each.join('\n')}`)]
}

function indented(sql: string): string {
  return sql === '' ? '' : `${sql.trimEnd().replaceAll(/^/gm, '  ')}\n`
}

/** A comment ends at whatever PostgreSQL takes for the end of a line. */
function commented(text: string): string {
  const lines = text.trimEnd().split(/\r\n|\r|\n/)
  return lines.map((line) => `--${line === '' ? '' : ` ${line}`}\n`).join('')
}

function endingInLine(sql: string): string {
  return sql.endsWith('\n') ? sql : `${sql}\n`
}
