import { derivedName } from '../../sql/derived-name.js'
import { tenantInScope } from '../../sql/policies.js'
import { quoteIdentifier } from '../../sql/quote.js'
import type { Relation } from '../catalog.js'
import type { Facts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import { isOn, reachedViews, tablesBehind } from '../reach.js'
import { nameOfRole, revokeGrants, revokeOnRelation } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { scopeFor } from '../tenant-scope.js'
import { whyUnlimited } from '../unlimited.js'

export const materializedView: Rule = {
  id: 'materialized-view',
  level: 'error',
  title: "A materialized view keeps tenants' rows without a policy",
  why: 'A materialized view is a copy of rows, made as its owner, and PostgreSQL has no policies for it. Every customer whose request reads it gets the rows of all the others, as they were when it was last refreshed.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-creatematerializedview.html',
  harm: 'leak',
  check: (facts) => {
    const reached = reachedViews(facts)
    return reached
      .filter((view) => view.kind === 'materialized view' && tablesBehind(view, facts).length > 0)
      .flatMap((view) => (facts.privileges.may('SELECT', view) ? [granted(view, facts)] : throughViews(view, reached)))
  },
}

function granted(view: Relation, facts: Facts): Problem {
  const behind = tablesBehind(view, facts)
  const names = behind.map(nameOfRelation).join(', ')
  const owner = nameOfRole(view.owner, facts)
  const all = behind.some(({ oid }) => {
    const table = facts.table(oid)
    return table !== undefined && whyUnlimited(view.owner, table, facts) !== undefined
  })
  const which = all ? 'which sees every row' : 'as far as the tenant goes that is set when it is refreshed'
  const instead = viewOfTenant(view, facts)
  return {
    object: nameOfRelation(view),
    level: all ? 'error' : 'warning',
    detail: `The app role may read it, and it keeps what ${names} showed to its owner ${owner}, ${which}.`,
    fix: revokeReading(view, facts) + (instead?.sql ?? ''),
    needsPerson:
      instead === undefined
        ? 'The service cannot read it any more then. It has no tenant column, so decide what of it a customer may see, and give the service a view of that.'
        : `The service cannot read it any more then: let it read ${instead.name}, which shows the tenant in scope its own rows.`,
  }
}

function revokeReading(view: Relation, facts: Facts): string {
  const { privileges } = facts
  const columns = view.columns.flatMap((column) => {
    const grants = privileges.grants(column.acl, 'SELECT')
    if (grants.length === 0) return []
    return [revokeGrants(grants, `TABLE ${nameOfRelation(view)}`, view.owner, facts, quoteIdentifier(column.name))]
  })
  return revokeOnRelation(privileges.grants(view.acl, 'SELECT'), view, facts) + columns.join('')
}

/** The view that a person would write: the filter is tight, because nothing is asked before it. */
function viewOfTenant(view: Relation, facts: Facts): { readonly name: string; readonly sql: string } | undefined {
  const { options, catalog, appRole } = facts
  const column = view.columns.find(({ name }) => name === options.tenantColumn)
  const { scope } = column ? scopeFor(column, facts) : { scope: undefined }
  if (!column || !scope) return undefined
  const taken = new Set(catalog.relations.filter(({ schema }) => schema === view.schema).map(({ name }) => name))
  let table = derivedName([view.name], 'of_tenant')
  for (let n = 2; taken.has(table); n++) table = derivedName([view.name, 'of_tenant'], String(n))
  const name = nameOfRelation({ schema: view.schema, name: table })
  return {
    name,
    sql: `-- security_barrier: without it a query's own conditions may be asked before this one, and tell what they saw.
CREATE VIEW ${name} WITH (security_barrier = true) AS
  SELECT * FROM ${nameOfRelation(view)} WHERE ${quoteIdentifier(column.name)} = ${tenantInScope(scope)};
GRANT SELECT ON ${name} TO ${quoteIdentifier(appRole.name)};
`,
  }
}

/** A view in front of it may show each tenant its own rows, which nobody but a person can see. */
function throughViews(materialized: Relation, reached: readonly Relation[]): Problem[] {
  return reached
    .filter(
      (view) => view.kind === 'view' && view.readsFrom.includes(materialized.oid) && !isOn(view, 'security_barrier'),
    )
    .map((view) => ({
      object: nameOfRelation(view),
      level: 'warning',
      detail: `It shows rows of the materialized view ${nameOfRelation(materialized)} and is no security barrier, so a query's own conditions may see the rows that its WHERE leaves out.`,
      fix: `ALTER VIEW ${nameOfRelation(view)} SET (security_barrier = true);\n`,
      needsPerson: 'See that its WHERE lets a tenant see its own rows alone: nothing else does.',
    }))
}
