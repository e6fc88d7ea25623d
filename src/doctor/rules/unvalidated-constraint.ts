import { quoteIdentifier } from '../../sql/quote.js'
import type { Constraint, Relation } from '../catalog.js'
import { looseKeys } from '../foreign-keys.js'
import { constraintsOf, notEnforced } from '../keys.js'
import { nameOfConstraint, nameOfRelation } from '../names.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'

export const unvalidatedConstraint: Rule = {
  id: 'unvalidated-constraint',
  level: 'warning',
  title: 'A constraint was never checked against the rows that were there',
  why: 'NOT VALID holds for what is written from then on. Rows from before may still point at another customer, have no tenant, or break whatever else the constraint promises, and everybody reads the schema as if they did not.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES',
  harm: 'other',
  unprovable:
    'What the app role writes is checked; whether old rows break the constraint is in the data, which the doctor does not read, and VALIDATE says.',
  check: (facts) => {
    // What lacks the tenant is made anew, and checked then.
    const loose = new Set(looseKeys(facts).map(({ constraint }) => constraint))
    return allTables(facts).flatMap(({ relation }) =>
      constraintsOf(relation.oid, facts)
        .filter((constraint) => !constraint.validated && !constraint.inherited && !loose.has(constraint))
        .map((constraint) => problem(constraint, relation)),
    )
  },
}

function problem({ name, kind, definition }: Constraint, relation: Relation): Problem {
  const alter = `ALTER TABLE ${nameOfRelation(relation)}`
  const quoted = quoteIdentifier(name)
  const object = nameOfConstraint({ name }, relation)
  if (!notEnforced.test(definition)) {
    return { object, detail: `It is a ${kind} that is NOT VALID.`, fix: `${alter} VALIDATE CONSTRAINT ${quoted};\n` }
  }
  const again = `${alter} DROP CONSTRAINT ${quoted}, ADD CONSTRAINT ${quoted} ${definition.replace(notEnforced, '')};\n`
  return {
    object,
    detail: `It is a ${kind} that is NOT ENFORCED: new rows are not checked either.`,
    fix: kind === 'foreign key' ? `${alter} ALTER CONSTRAINT ${quoted} ENFORCED;\n` : again,
    needsPerson: 'Somebody turned it off: find out why, and look for rows that break it.',
  }
}
