import { derivedName, hashedName } from '../../sql/derived-name.js'
import { dropForeignKey, tenantForeignKey } from '../../sql/foreign-key.js'
import { quoteIdentifier, quoteTable } from '../../sql/quote.js'
import { tenantUnique } from '../../sql/unique.js'
import type { Facts } from '../facts.js'
import { type LooseKey, looseKeys } from '../foreign-keys.js'
import { columnNames, constraintsOf, freeIndexName, indexesOf, isKeyOn } from '../keys.js'
import { nameOfConstraint, nameOfRelation, tableNameOf } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { isOwned, mayWriteRows } from '../tables.js'

export const foreignKeyWithoutTenant: Rule = {
  id: 'foreign-key-without-tenant',
  level: 'warning',
  title: 'A foreign key reaches into other tenants',
  why: 'PostgreSQL checks foreign keys past all policies. A row of one customer can point at a row of another: the first learns that it exists, the second can no longer delete it, or takes the stranger along when it does. Only a key that contains the tenant on both sides keeps to one customer.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: (facts) =>
    looseKeys(facts)
      // Who cannot write rows cannot point them anywhere. A table that nothing guards is another rule's.
      .filter(({ child }) => mayWriteRows(child, facts))
      .map((key) => problem(key, facts)),
}

function problem(key: LooseKey, facts: Facts): Problem {
  const { constraint, references, child } = key
  const { onDelete } = references
  const acts = onDelete === 'CASCADE' || onDelete === 'SET NULL' || onDelete === 'SET DEFAULT'
  const act = acts ? `, and ON DELETE ${onDelete} reaches every tenant's` : ''
  return {
    object: nameOfConstraint(constraint, child.relation),
    level: acts ? 'error' : undefined,
    detail: `${shown(key)}: a row can point at any tenant's${act}.`,
    ...mend(key, facts),
  }
}

/** `("project_id") refers to "public"."projects" ("id")` */
function shown({ constraint, references, child, parent }: LooseKey): string {
  const list = (names: readonly string[]): string => `(${names.map(quoteIdentifier).join(', ')})`
  const own = list(columnNames(child.relation, constraint.columns))
  return `${own} refers to ${nameOfRelation(parent.relation)} ${list(columnNames(parent.relation, references.columns))}`
}

function mend(key: LooseKey, facts: Facts): Pick<Problem, 'fix' | 'needsPerson'> {
  const { constraint, references, child, parent } = key
  if (!isOwned(child) || !isOwned(parent)) {
    const without = new Set(
      [child, parent].filter((table) => !isOwned(table)).map(({ relation }) => nameOfRelation(relation)),
    )
    return {
      needsPerson: `Give ${[...without].join(' and ')} the tenant column, or let the policy of ${nameOfRelation(child.relation)} look at the row that is pointed at.`,
    }
  }
  const onUpdate = references.onUpdate
  const odd =
    constraint.columns.includes(child.tenantColumn.number) ||
    references.columns.includes(parent.tenantColumn.number) ||
    child.tenantColumn.typeOid !== parent.tenantColumn.typeOid ||
    (constraint.columns.length > 1 && constraint.definition.includes(') MATCH FULL'))
  if (odd || onUpdate === 'SET NULL' || onUpdate === 'SET DEFAULT') {
    return { needsPerson: 'Write the key anew, with the tenant columns of both tables in it.' }
  }
  return { fix: tenantKey(key, child.tenantColumn.name, parent.tenantColumn.name, facts) }
}

function tenantKey(key: LooseKey, column: string, parentColumn: string, facts: Facts): string {
  const { constraint, references, child, parent } = key
  const table = tableNameOf(child.relation)
  const columns = columnNames(child.relation, constraint.columns)
  const referred = columnNames(parent.relation, references.columns)
  const { onDelete, onUpdate } = references
  const empties = onDelete === 'SET NULL' || onDelete === 'SET DEFAULT'
  const emptied = references.onDeleteColumns.length > 0 ? references.onDeleteColumns : constraint.columns
  const parts = [child.relation.name, column, ...columns]
  const others = constraintsOf(child.relation.oid, facts).filter((other) => other !== constraint)
  const plain = derivedName(parts, 'fkey')
  // The same columns may refer to two tables.
  const alike = others.some(({ name, columns }) => name === plain || columns.join() === constraint.columns.join())
  const name = alike ? hashedName([...parts, parent.relation.name], 'fkey') : plain
  const add = tenantForeignKey(table, {
    column,
    parentColumn,
    columns,
    references: { table: tableNameOf(parent.relation), columns: referred },
    onDelete,
    onDeleteColumns: empties ? columnNames(child.relation, emptied) : undefined,
    onUpdate,
    name,
  })
  // What stands behind the last bracket is PostgreSQL's own word order, and no name.
  const deferred = / (DEFERRABLE( INITIALLY DEFERRED)?)( NOT VALID)?$/.exec(constraint.definition)?.[1]
  const defer = deferred
    ? `ALTER TABLE ${quoteTable(table)} ALTER CONSTRAINT ${quoteIdentifier(name)} ${deferred};\n`
    : ''
  return parentKey(key, parentColumn, referred, facts) + dropForeignKey(table, { name: constraint.name }) + add + defer
}

/** What the new key refers to, unless it is there. */
function parentKey({ references, parent }: LooseKey, column: string, columns: readonly string[], facts: Facts): string {
  const { relation } = parent
  const tenant = relation.columns.flatMap(({ name, number }) => (name === column ? [number] : []))
  const key = [...tenant, ...references.columns]
  if (indexesOf(relation.oid, facts).some((index) => isKeyOn(index, key))) return ''
  const parts = [relation.name, column, ...columns]
  const name = freeIndexName([derivedName(parts, 'key'), hashedName(parts, 'key')], relation.schema, facts)
  return tenantUnique(tableNameOf(relation), { columns, column, name })
}
