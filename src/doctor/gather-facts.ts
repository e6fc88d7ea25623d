import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import type { Catalog, Column, Constraint, Oid, Policy, Relation, Role } from './catalog.js'
import type { Evaluations } from './evaluate.js'
import { readExpression, walk } from './expression.js'
import type { Facts, Limit, Partition, ReachedTable, TableFacts, TenantTable } from './facts.js'
import type { ResolvedDoctorOptions } from './options.js'
import { admittedBy, type PolicyWords, readPolicy } from './policy.js'
import { privilegesOf } from './privileges.js'

/** @throws TenancyError `CONFIG.INVALID` where the app role does not exist */
export function gatherFacts(catalog: Catalog, options: ResolvedDoctorOptions, evaluation: Evaluations): Facts {
  const appRole = roleNamed(catalog, options.appRole)
  const privileges = privilegesOf(appRole, catalog)
  const relations = byOid(catalog.relations)
  const roles = byOid(catalog.roles)
  const schemas = byOid(catalog.schemas)
  const policies = byRelation(catalog.policies)
  const indexes = byRelation(catalog.indexes)
  const constraints = byRelation(catalog.constraints)
  const foreignKeys = catalog.constraints.filter(({ references }) => references !== null)
  const isChecked = (schema: string): boolean =>
    schema !== 'tenancy' && (options.schemas === undefined || options.schemas.includes(schema))
  const isShared = ({ schema, name }: Relation): boolean =>
    options.shared.some((table) =>
      typeof table === 'string' ? table === name : table.schema === schema && table.table === name,
    )
  const isTable = ({ kind }: Relation): boolean => kind === 'table' || kind === 'partitioned table'
  const candidates = catalog.relations.filter(
    (relation) => isTable(relation) && isChecked(relation.schema) && !isShared(relation),
  )
  const tenantColumn = (oid: Oid): Column | undefined =>
    relations.get(oid)?.columns.find(({ name }) => name === options.tenantColumn)

  const known = new Map<Oid, TableFacts>()
  const underWay = new Set<Oid>()
  const read = (relation: Relation): TableFacts => {
    const before = known.get(relation.oid)
    if (before) return before
    underWay.add(relation.oid)
    const own = (policies.get(relation.oid) ?? []).map((policy) => readPolicy(policy, relation, words))
    underWay.delete(relation.oid)
    const facts = { relation, policies: own, admitted: admittedBy(own) }
    known.set(relation.oid, facts)
    return facts
  }
  const visible = (oid: Oid): Limit => {
    const relation = relations.get(oid)
    // Policies that ask each other in a circle are an error of PostgreSQL's.
    if (!relation || !isTable(relation) || underWay.has(oid)) return 'open'
    const skips = appRole.superuser || appRole.bypassRls
    const owns = privileges.effective.has(relation.owner) && !relation.forceRowSecurity
    return relation.rowSecurity && !skips && !owns ? read(relation).admitted.select : 'open'
  }
  const keys = keysOf(catalog)
  const words: PolicyWords = {
    setting: options.setting,
    tenantFunctions: options.tenantFunctions,
    referenced: catalog.referenced,
    appRole: appRole.name,
    privileges,
    evaluation,
    tenantColumn,
    visible,
    isKey: (oid, columns) => (keys.get(oid) ?? []).some((key) => key.every((number) => columns.has(number))),
  }

  const ancestors = (relation: Relation): Relation[] =>
    relation.parents.flatMap((oid) => {
      const parent = relations.get(oid)
      return parent ? [parent, ...ancestors(parent)] : []
    })
  const withColumn = candidates.filter(({ oid }) => tenantColumn(oid))
  const tenantTables: TenantTable[] = []
  const children: { relation: Relation; top: Relation }[] = []
  for (const relation of withColumn) {
    const top = ancestors(relation).findLast(({ oid }) => withColumn.some((each) => each.oid === oid))
    if (top) children.push({ relation, top })
    else tenantTables.push({ ...read(relation), tenantColumn: tenantColumn(relation.oid) as Column })
  }
  const roots = new Map(tenantTables.map((table) => [table.relation.oid, table]))
  const partitions = children.flatMap(({ relation, top }): Partition[] => {
    const root = roots.get(top.oid)
    return root ? [{ ...read(relation), tenantColumn: tenantColumn(relation.oid) as Column, root }] : []
  })
  const reachedTables = reached(
    candidates,
    new Set(withColumn.map(({ oid }) => oid)),
    foreignKeys,
    policies,
    relations,
  ).map(({ relation, path }): ReachedTable => ({ ...read(relation), path }))
  const all = new Map([...tenantTables, ...partitions, ...reachedTables].map((table) => [table.relation.oid, table]))
  return {
    options,
    catalog,
    appRole,
    privileges,
    tenantTables,
    partitions,
    reachedTables,
    table: (oid) => all.get(oid),
    relation: (oid) => relations.get(oid),
    indexes: (oid) => indexes.get(oid) ?? [],
    constraints: (oid) => constraints.get(oid) ?? [],
    role: (oid) => roles.get(oid),
    schema: (oid) => schemas.get(oid),
    isTrusted: (oid) => {
      const role = roles.get(oid)
      return role !== undefined && (role.superuser || role.bypassRls || options.trustedRoles.includes(role.name))
    },
    isChecked,
    isShared,
  }
}

function roleNamed({ roles, database }: Catalog, name: string): Role {
  const role = roles.find((each) => each.name === name)
  if (role) return role
  throw new TenancyError('CONFIG.INVALID', `There is no role ${showValue(name)} on the server of "${database.name}".`, {
    hint: `Name the role that the service logs in with. There are: ${roles
      .filter((each) => each.login)
      .map((each) => each.name)
      .join(', ')}.`,
  })
}

/** Columns of every unique index that holds for the whole table. */
function keysOf({ indexes }: Catalog): ReadonlyMap<Oid, readonly (readonly number[])[]> {
  const keys = new Map<Oid, (readonly number[])[]>()
  for (const { relation, unique, valid, predicate, columns } of indexes) {
    if (!unique || !valid || predicate !== null || columns.includes(0)) continue
    keys.set(relation, [...(keys.get(relation) ?? []), columns])
  }
  return keys
}

/** Tables without the column whose rows are a tenant's: a foreign key, or a policy's subquery, leads to a tenant table. */
function reached(
  candidates: readonly Relation[],
  tenantTables: ReadonlySet<Oid>,
  foreignKeys: readonly Constraint[],
  policies: ReadonlyMap<Oid, readonly Policy[]>,
  relations: ReadonlyMap<Oid, Relation>,
): { relation: Relation; path: readonly Relation[] }[] {
  const paths = new Map<Oid, readonly Relation[]>([...tenantTables].map((oid) => [oid, []]))
  const open = new Set(candidates.filter(({ oid }) => !tenantTables.has(oid)))
  const parents = new Map<Oid, Oid[]>()
  for (const { relation, references } of foreignKeys) {
    if (references) parents.set(relation, [...(parents.get(relation) ?? []), references.relation])
  }
  // Level by level, so that each table gets its shortest way.
  for (let before = -1; before !== paths.size; ) {
    before = paths.size
    const found = new Map<Oid, readonly Relation[]>()
    for (const relation of open) {
      const parent = parents.get(relation.oid)?.find((oid) => paths.has(oid))
      const next = parent === undefined ? undefined : relations.get(parent)
      if (next) found.set(relation.oid, [next, ...(paths.get(next.oid) ?? [])])
    }
    for (const [oid, path] of found) paths.set(oid, path)
    for (const relation of open) if (paths.has(relation.oid)) open.delete(relation)
  }
  for (const relation of open) {
    if ((policies.get(relation.oid) ?? []).some((policy) => readsOneOf(policy, paths))) paths.set(relation.oid, [])
  }
  return candidates.flatMap((relation) => {
    const path = tenantTables.has(relation.oid) ? undefined : paths.get(relation.oid)
    return path ? [{ relation, path }] : []
  })
}

function readsOneOf({ using, check }: Policy, tables: ReadonlyMap<Oid, unknown>): boolean {
  return [using, check].some(
    (each) =>
      each !== null &&
      [...walk(readExpression(each.tree))].some(
        ({ at }) => at.kind === 'subquery' && at.query.from.some((oid) => oid !== null && tables.has(oid)),
      ),
  )
}

function byOid<Value extends { readonly oid: Oid }>(values: readonly Value[]): ReadonlyMap<Oid, Value> {
  return new Map(values.map((value) => [value.oid, value]))
}

function byRelation<Value extends { readonly relation: Oid }>(
  values: readonly Value[],
): ReadonlyMap<Oid, readonly Value[]> {
  const groups = new Map<Oid, Value[]>()
  for (const value of values) {
    const group = groups.get(value.relation)
    if (group) group.push(value)
    else groups.set(value.relation, [value])
  }
  return groups
}
