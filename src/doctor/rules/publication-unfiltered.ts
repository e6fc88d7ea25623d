import { quoteIdentifier } from '../../sql/quote.js'
import type { Oid, Publication } from '../catalog.js'
import { readExpression, walk } from '../expression.js'
import type { Facts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { allTables, isOwned } from '../tables.js'

export const publicationUnfiltered: Rule = {
  id: 'publication-unfiltered',
  level: 'warning',
  title: 'A publication sends the rows of every tenant',
  why: 'Logical replication reads the log and asks no policy: whoever subscribes gets the changes of every customer. For a copy of the whole database that is meant; for a copy that one customer, one region or one partner gets, it hands over everybody else as well.',
  docsUrl: 'https://www.postgresql.org/docs/current/logical-replication-row-filter.html',
  harm: 'other',
  unprovable:
    'The rows leave by the replication protocol, which needs a role with REPLICATION: no statement of the app role can show them.',
  check: (facts) => facts.catalog.publications.flatMap((publication) => problem(publication, facts)),
}

function problem(publication: Publication, facts: Facts): Problem[] {
  const name = quoteIdentifier(publication.name)
  const whole = wholeOf(publication, facts)
  const listed = publication.tables.filter(
    ({ relation }) => facts.table(relation) && !isFiltered(publication, relation, facts),
  )
  const names = listed.flatMap(({ relation }) => facts.relation(relation) ?? []).map(nameOfRelation)
  if (whole === undefined && names.length === 0) return []
  const detail = whole ?? `It has ${names.join(', ')} without a row filter that asks for the tenant.`
  // A publication of everything has no list of tables to take one out of.
  const drop = names.map((table) => `ALTER PUBLICATION ${name} DROP TABLE ${table};\n`).join('')
  return [
    {
      object: name,
      detail,
      fix: whole === undefined ? drop : undefined,
      needsPerson:
        'Is the subscriber meant to have every tenant? Then accept this finding. Otherwise publish each table WHERE the tenant column is one of those that it may have, or not at all.',
    },
  ]
}

/** A publication of all tables, or of a schema, cannot have row filters. */
function wholeOf({ allTables: all, schemas }: Publication, facts: Facts): string | undefined {
  if (all) return allTables(facts).length > 0 ? 'It is FOR ALL TABLES, without row filters.' : undefined
  const names = schemas.flatMap((oid) => facts.schema(oid)?.name ?? [])
  const ours = names.filter((name) => allTables(facts).some(({ relation }) => relation.schema === name))
  if (ours.length === 0) return undefined
  return `It is FOR TABLES IN SCHEMA ${ours.map(quoteIdentifier).join(', ')}, without row filters.`
}

function isFiltered({ tables }: Publication, oid: Oid, { table }: Facts): boolean {
  const found = table(oid)
  const filter = tables.find(({ relation }) => relation === oid)?.rowFilter
  if (!filter || !isOwned(found)) return false
  const { number } = found.tenantColumn
  return [...walk(readExpression(filter.tree))].some(({ at }) => at.kind === 'column' && at.number === number)
}
