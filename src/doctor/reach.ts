import type { DatabaseFunction, Grant, Oid, Relation } from './catalog.js'
import type { Facts } from './facts.js'
import type { TablePrivilege } from './privileges.js'

const rowPrivileges: readonly TablePrivilege[] = ['SELECT', 'INSERT', 'UPDATE', 'DELETE']

/** May the app role name what stands in the schema at all? */
export function mayEnter(schema: string, { catalog, privileges, appRole }: Facts): boolean {
  const found = catalog.schemas.find(({ name }) => name === schema)
  return appRole.superuser || (found !== undefined && privileges.grants(found.acl, 'USAGE').length > 0)
}

/** Views and materialized views that the app role's statements come to, by a grant or through another view. */
export function reachedViews(facts: Facts): readonly Relation[] {
  const { catalog, privileges, relation: find } = facts
  const granted = catalog.relations.filter(
    (relation) =>
      isView(relation) &&
      mayEnter(relation.schema, facts) &&
      rowPrivileges.some((privilege) => privileges.may(privilege, relation)),
  )
  const reached = new Set(granted)
  // A set is walked to its end, what is added on the way included.
  for (const { kind, readsFrom } of reached) {
    // What a materialized view reads was read when it was made.
    if (kind === 'materialized view') continue
    for (const below of readsFrom.map(find)) if (below && isView(below)) reached.add(below)
  }
  return [...reached].filter(({ schema }) => facts.isChecked(schema))
}

function isView({ kind }: Relation): boolean {
  return kind === 'view' || kind === 'materialized view'
}

/** `security_invoker`, and what else is on or off: PostgreSQL keeps the word that somebody wrote. */
export function isOn({ options }: Relation, name: string): boolean {
  return ['true', 'on', 'yes', '1', 't', 'y'].includes(options[name] ?? '')
}

/** What lets the app role call a function: grants to it, to everybody, and to roles whose rights it has. */
export function executeGrants({ acl, schema }: DatabaseFunction, facts: Facts): readonly Grant[] {
  return mayEnter(schema, facts) ? facts.privileges.grants(acl, 'EXECUTE') : []
}

/** Every table with tenants' rows that a view shows, through whatever other views. */
export function tablesBehind(view: Relation, { relation: find, table }: Facts): readonly Relation[] {
  const seen = new Set<Oid>([view.oid])
  const found: Relation[] = []
  const queue = [view]
  for (const { readsFrom } of queue) {
    for (const below of readsFrom.map(find)) {
      if (!below || seen.has(below.oid)) continue
      seen.add(below.oid)
      if (table(below.oid)) found.push(below)
      else if (isView(below)) queue.push(below)
    }
  }
  return found
}
