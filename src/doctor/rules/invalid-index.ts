import { dropIndex } from '../../sql/indexes.js'
import { quoteIndex } from '../../sql/quote.js'
import type { Index, Relation } from '../catalog.js'
import type { Facts } from '../facts.js'
import { indexesOf } from '../keys.js'
import { tableNameOf } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'

export const invalidIndex: Rule = {
  id: 'invalid-index',
  level: 'warning',
  title: 'An index is invalid',
  why: 'An index whose concurrent build was interrupted stays behind: every write keeps it up to date and no query uses it. Where it should have led to one tenant, each query reads the rows of all; where it should have kept a key unique, it does not. CREATE INDEX IF NOT EXISTS is content with it.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY',
  harm: 'speed',
  check: (facts) =>
    allTables(facts).flatMap(({ relation }) =>
      indexesOf(relation.oid, facts)
        .filter(({ valid }) => !valid)
        .map((index) => problem(index, relation, facts)),
    ),
}

/** What REINDEX CONCURRENTLY calls its own. */
const leftover = /_cc(new|old)\d*$/

function problem(index: Index, relation: Relation, facts: Facts): Problem {
  const table = tableNameOf(relation)
  const object = quoteIndex(table, index.name)
  if (relation.kind === 'partitioned table') return partitioned(index, object)
  const original = leftover.test(index.name) && index.name.replace(leftover, '')
  if (original && indexesOf(relation.oid, facts).some(({ name, valid }) => valid && name === original)) {
    const detail = 'REINDEX CONCURRENTLY left it behind when it was interrupted.'
    return { object, detail, fix: dropIndex(table, { name: index.name }) }
  }
  return {
    object,
    detail: 'Its build was interrupted, or still goes on.',
    // Waits for a build that still goes on, and stops writes: CONCURRENTLY would not go into a migration.
    fix: `REINDEX INDEX ${object};\n`,
  }
}

/** It becomes valid with the last of its partitions' indexes. */
function partitioned({ definition }: Index, object: string): Problem {
  const [create, ...rest] = definition.split(' ON ONLY ')
  return {
    object,
    detail: 'Not every partition has its part of the index.',
    // Made anew, it takes over those that fit and builds the others.
    fix: rest.length === 1 ? `DROP INDEX ${object};\n${create} ON ${rest[0]};\n` : undefined,
    needsPerson:
      'Building the missing parts stops writes to the partitions. On large ones, CREATE INDEX CONCURRENTLY on each and ALTER INDEX … ATTACH PARTITION.',
  }
}
