import { parentPolicy } from '../../sql/parent-policy.js'
import { enableRowLevelSecurity } from '../../sql/policies.js'
import { quoteIdentifier } from '../../sql/quote.js'
import type { Facts, ReachedTable } from '../facts.js'
import { nameOfRelation, tableNameOf } from '../names.js'
import { waysUp } from '../parent-paths.js'
import type { Problem, Rule } from '../rule.js'
import { mayUseRows, tenantsTables } from '../tables.js'
import { scopeFor } from '../tenant-scope.js'

export const childUnprotected: Rule = {
  id: 'child-unprotected',
  level: 'error',
  title: 'Row-level security is off on a table that belongs to a tenant through its parent',
  why: 'Its rows belong to a customer because the rows that they point at do. The policy of that parent guards the parent, not this table: who reads it directly, or counts it, gets the rows of every customer.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: (facts) => {
    const everybodys = tenantsTables(facts)
    return facts.reachedTables
      .filter(({ relation, policies }) => !relation.rowSecurity && policies.length === 0 && mayUseRows(relation, facts))
      .filter(({ relation }) => !everybodys.has(relation.oid))
      .map((table) => problem(table, facts))
  },
}

function problem({ relation, path }: ReachedTable, facts: Facts): Problem {
  const way = [relation, ...path].map(nameOfRelation).join(' → ')
  const object = nameOfRelation(relation)
  const detail = `The table has no tenant column and no policy; its foreign keys lead ${way}.`
  const { paths, tenantColumns, tables } = waysUp(relation, facts)
  const [column] = tenantColumns
  if (!column || !paths.some(({ required }) => required)) {
    const needsPerson =
      'No foreign key that is NOT NULL says whose a row is: give the table the tenant column, or make such a key NOT NULL.'
    return { object, detail, needsPerson }
  }
  const { scope, needsPerson } = scopeFor(column, facts)
  const fix =
    scope &&
    `${parentPolicy(tableNameOf(relation), { parents: paths, ...scope })}\n${enableRowLevelSecurity(tableNameOf(relation))}`
  return { object, detail, fix, needsPerson: needsPerson ?? unreadable(tables, facts) }
}

/** The policy asks the parents as whoever asks the table. */
function unreadable(tables: ReturnType<typeof waysUp>['tables'], { privileges, appRole }: Facts): string | undefined {
  const names = tables.filter((table) => !privileges.may('SELECT', table)).map(nameOfRelation)
  if (names.length === 0) return undefined
  return `The policy reads the parents as ${quoteIdentifier(appRole.name)}, which may not read ${names.join(', ')}: grant it, or take this table away from it.`
}
