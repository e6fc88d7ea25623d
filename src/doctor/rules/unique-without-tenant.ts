import { derivedName, hashedName } from '../../sql/derived-name.js'
import { tenantPrimaryKey } from '../../sql/primary-key.js'
import { quoteIdentifier, quoteTable } from '../../sql/quote.js'
import { dropUnique, tenantUnique } from '../../sql/unique.js'
import type { Index } from '../catalog.js'
import type { Facts, TableFacts } from '../facts.js'
import { originOf } from '../guessable.js'
import { columnNames, constraintsOf, freeIndexName, indexesOf } from '../keys.js'
import { nameOfConstraint, tableNameOf } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { allTables, isOwned, mayWriteRows, type OwnedTable, tenantsTables } from '../tables.js'

export const uniqueWithoutTenant: Rule = {
  id: 'unique-without-tenant',
  level: 'warning',
  title: 'A unique key does not contain the tenant',
  why: 'A unique key is checked against the rows of all customers, policies or not. Where one customer already has a value, the next is refused it, and learns from the refusal that somebody has it: whose e-mail address is known here, which number is taken.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: (facts) => {
    const everybodys = tenantsTables(facts)
    return allTables(facts)
      .filter((table) => mayWriteRows(table, facts) && !everybodys.has(table.relation.oid))
      .flatMap((table) =>
        indexesOf(table.relation.oid, facts)
          .filter((index) => (index.unique || index.exclusion) && !index.inherited && !hasTenant(index, table))
          .flatMap((index) => problem(index, table, facts)),
      )
  },
}

function hasTenant({ columns, relation }: Index, table: TableFacts): boolean {
  if (!isOwned(table)) return false
  const { partitionKey } = 'root' in table ? table.root.relation : table.relation
  const { number } = table.tenantColumn
  // A partition of one tenant has one tenant's values.
  const alone = 'root' in table && relation === table.relation.oid && partitionKey?.strategy === 'list'
  return columns.includes(number) || (alone && partitionKey.columns[0] === table.root.tenantColumn.number)
}

function problem(index: Index, table: TableFacts, facts: Facts): Problem[] {
  const { relation, admitted } = table
  const origins = index.columns.map((number) => originOf(relation, number, facts))
  if (origins.some(({ origin }) => origin === 'unguessable')) return []
  // The policy asks the parents first, and refuses to point at those of others.
  const held = !isOwned(table) && relation.rowSecurity && admitted.insert === 'tenant' && admitted.updated === 'tenant'
  const bound = origins.some((each) => each.bound)
  if (held && bound) return []
  const counted = origins.every(({ origin }) => origin === 'counted')
  const names = columnNames(relation, index.columns).map(quoteIdentifier)
  const shown = index.columns.includes(0) ? 'an expression' : names.join(', ')
  const object = nameOfConstraint(index, relation)
  if (counted || bound) {
    const detail = counted
      ? `It is unique on ${shown}, whose values are counted: which ids exist can be tried out, and how many there are.`
      : `It is unique on ${shown}: who guesses another tenant's row can try out what that has.`
    const needsPerson =
      'Nothing of a row but that it exists is told. Where that matters, use a uuid, or put the tenant in front.'
    return [{ object, level: 'info', detail, needsPerson }]
  }
  return [
    {
      object,
      detail: `It is unique on ${shown} among the rows of all tenants.`,
      fix: isOwned(table) && !isReferred(index, facts) ? replaced(index, table, facts) : undefined,
      needsPerson: question(index, table, facts),
    },
  ]
}

function question(index: Index, table: TableFacts, facts: Facts): string {
  const global = 'Is it meant to be unique among all tenants, as a login or a host name is? Then accept this finding.'
  if (!isOwned(table))
    return `${global} Otherwise put the key of the parent in front, or give the table the tenant column.`
  if (isReferred(index, facts))
    return `${global} Otherwise change the foreign keys that refer to it first, and run the doctor again.`
  return `${global} Otherwise change the schema of the service as well: it can no longer look a row up by this key alone.`
}

function isReferred({ oid }: Index, { catalog }: Facts): boolean {
  return catalog.constraints.some(({ references, index }) => references !== null && index === oid)
}

function replaced(index: Index, table: OwnedTable, facts: Facts): string | undefined {
  const { relation, tenantColumn } = table
  const { name: column } = tenantColumn
  const columns = columnNames(relation, index.columns)
  const target = tableNameOf(relation)
  if (index.exclusion) return undefined
  if (index.primary) return tenantPrimaryKey(target, { column, columns, name: index.name })
  const parts = [relation.name, column, ...columns]
  const name = freeIndexName([derivedName(parts, 'key'), hashedName(parts, 'key')], relation.schema, facts)
  const constraint = constraintsOf(relation.oid, facts).some(
    (each) => each.kind === 'unique' && each.index === index.oid,
  )
  const drop = dropUnique(target, { name: index.name, constraint })
  const plain = !index.columns.includes(0) && index.included.length === 0 && index.predicate === null
  if (plain && !index.nullsNotDistinct) return tenantUnique(target, { column, columns, name }) + drop
  // All that follows the names is PostgreSQL's own writing of the index.
  const [, keys] = index.definition.split(` USING ${index.method} (`)
  const safe = ![index.name, relation.name, relation.schema].some((part) => part.includes(' USING '))
  if (!keys || !safe) return undefined
  const rest = index.definition.slice(index.definition.indexOf(keys))
  return `CREATE UNIQUE INDEX ${quoteIdentifier(name)} ON ${quoteTable(target)} USING ${index.method} (${quoteIdentifier(column)}, ${rest};\n${drop}`
}
