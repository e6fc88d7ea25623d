import { type KeyPair, keyPairs } from './columns.js'
import { checkFlag, checkOptions, invalidOption } from './options.js'
import { createPolicy, type TenantScopeOptions, tenantInScope } from './policies.js'
import { nameOf, quoteIdentifier, quoteTable, showName, type TableName } from './quote.js'

/** One foreign key of a table to a protected parent, and from there on up to the table that has the tenant column. */
export interface ParentPath {
  /** The foreign key: pairs of the table's own column and the parent's column that it refers to. */
  readonly keys: readonly KeyPair[]
  /** `false` where the key may be NULL: such a row is then judged by its other parents alone. */
  readonly required: boolean
  readonly table: TableName
  /** The parent's tenant column, where it has one. */
  readonly column?: string | undefined
  /** Else the parent's own required paths. */
  readonly parents?: readonly ParentPath[] | undefined
}

export interface ParentPolicyOptions extends TenantScopeOptions {
  /** Every foreign key to a protected table. At least one is required: it decides whose the row is. */
  parents: readonly ParentPath[]
  /** Name of the policy. Default `'tenant_isolation'`. A policy under another name stays, and widens this one. */
  name?: string | undefined
}

/**
 * SQL of the policy of a table without a tenant column: a row is the tenant's if every parent it points at is. That holds
 * for reading and for writing, so a row cannot be linked to another tenant's parent either, and a foreign key past the
 * policies tells nobody that such a parent exists.
 *
 * Every row read costs a look at its parents, by their primary keys. Where that is too much, and for a table that refers
 * to itself, give the table the tenant column.
 *
 * @throws TenancyError `SQL.INVALID_IDENTIFIER`, `CONFIG.INVALID`
 * @example
 * parentPolicy('tasks', {
 *   parents: [{ keys: [['project_id', 'id']], required: true, table: 'projects', column: 'tenant_id' }],
 * })
 * @see https://www.postgresql.org/docs/current/ddl-rowsecurity.html
 */
export function parentPolicy(table: TableName, options: ParentPolicyOptions): string {
  checkOptions('parentPolicy', options, ['parents', 'type', 'setting', 'sealed', 'name'])
  const { parents, name = 'tenant_isolation', ...scope } = options
  const tenant = tenantInScope(scope)
  checkPaths(parents)
  const child = nameOf(table)
  // The policy names the child's columns by its table, so no parent inside may be called like it.
  const prefix = /^parent\d*$/.test(child) ? 'ancestor' : 'parent'
  let count = 0

  const exists = (path: ParentPath, from: string, indent: string): string => {
    if (quoteTable(path.table) === quoteTable(table)) throw cycle(child)
    count += 1
    const alias = quoteIdentifier(count === 1 ? prefix : `${prefix}${count}`)
    const inner = `${indent}    `
    const owned =
      path.column === undefined
        ? conditions(path.parents ?? [], alias, inner)
        : `${alias}.${quoteIdentifier(path.column)} = ${tenant}`
    const row = `SELECT FROM ${quoteTable(path.table)} AS ${alias}\n${inner}WHERE ${keyPairs(path.keys, from, alias)}`
    return `EXISTS (${row}\n${inner}  AND ${owned})`
  }
  const conditions = (paths: readonly ParentPath[], from: string, indent: string): string =>
    paths
      .map((path) => {
        const condition = exists(path, from, indent)
        if (path.required) return condition
        const unset = path.keys.map(([own]) => `${from}.${quoteIdentifier(own)} IS NULL`).join(' OR ')
        return `(${unset} OR ${condition})`
      })
      .join(`\n${indent}  AND `)

  const comments = parents.flatMap((path) => describe(child, path).map((line) => `-- ${line}\n`)).join('')
  return comments + createPolicy(table, name, conditions(parents, quoteIdentifier(child), '  '))
}

/** `tasks.project_id → projects.tenant_id`, one line for each way up. */
function describe(child: string, path: ParentPath): string[] {
  const key = path.keys.map(([own]) => showName(own))
  const from = `${showName(child)}.${key.length === 1 ? key[0] : `(${key.join(', ')})`}`
  const parent = nameOf(path.table)
  const ways =
    path.column === undefined
      ? (path.parents ?? []).flatMap((next) => describe(parent, next))
      : [`${showName(parent)}.${showName(path.column)}`]
  return ways.map((way) => `${from} → ${way}${path.required ? '' : ', where it is set'}`)
}

function checkPaths(paths: unknown): asserts paths is readonly ParentPath[] {
  if (!Array.isArray(paths)) throw noWayUp()
  for (const path of paths as ParentPath[]) {
    checkOptions('A parent', path, ['keys', 'required', 'table', 'column', 'parents'])
    checkFlag('required', path.required)
    keyPairs(path.keys, '', '')
    if ((path.column === undefined) === (path.parents === undefined)) {
      throw invalidOption(
        'A parent has neither a tenant column nor parents of its own, or both',
        "Give it column: 'tenant_id', or parents: […] where it has no tenant column itself.",
      )
    }
    if (path.parents !== undefined) checkPaths(path.parents)
  }
  if (!paths.some((path: ParentPath) => path.required)) throw noWayUp()
}

function noWayUp() {
  return invalidOption(
    'The option parents names no required parent, so nothing tells whose a row is',
    'List a foreign key that is NOT NULL with required: true, or give the table the tenant column.',
  )
}

function cycle(child: string) {
  return invalidOption(
    `The policy of "${showName(child)}" would have to ask itself, which PostgreSQL refuses as infinite recursion`,
    'Give the table the tenant column.',
  )
}
