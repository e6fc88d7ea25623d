import { quoteIdentifier } from '../../sql/quote.js'
import type { DatabaseFunction } from '../catalog.js'
import type { Facts, TableFacts } from '../facts.js'
import { nameOfRelation } from '../names.js'
import { executeGrants } from '../reach.js'
import { nameOfRole } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { allTables } from '../tables.js'
import { whyUnlimited } from '../unlimited.js'

export const definerFunction: Rule = {
  id: 'definer-function',
  level: 'error',
  title: 'A function runs as a role that policies do not hold, for everybody who calls it',
  why: 'A SECURITY DEFINER function runs as its owner. Where no policy holds the owner, what it reads and writes are the rows of every customer, and the one who calls it is a request of one of them: a missing condition in its body, or an argument that names somebody else, is a leak that no policy stops.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY',
  harm: 'leak',
  check: (facts) =>
    facts.catalog.functions.flatMap((each): Problem[] => {
      // A trigger's function is called by nobody; what is in it, the table's owner has put there.
      if (!each.securityDefiner || each.returnsTrigger || !facts.isChecked(each.schema)) return []
      if (isTenantSource(each, facts) || executeGrants(each, facts).length === 0) return []
      // What the app role does by its own function, it may do without it.
      if (each.owner === facts.appRole.oid) return []
      const open = unlimitedTable(each, facts)
      if (!open) return []
      const example = nameOfRelation(open.table.relation)
      return [
        {
          object: each.signature,
          detail: `The app role may call it, and it runs as ${nameOfRole(each.owner, facts)}, which ${open.why}: it can see every row of ${example}.${pathOf(each)}`,
          fix: `ALTER ROUTINE ${each.signature} SECURITY INVOKER;\n`,
          needsPerson: `Read its body. If it needs more than ${quoteIdentifier(facts.appRole.name)} may do, let it stay, give it an owner that policies hold, and accept it in the baseline with the reason; otherwise let it run as its caller.`,
        },
      ]
    }),
}

/** What says which tenant is in scope reads no tenant's rows: our own, and those of the options. */
function isTenantSource({ schema, name }: DatabaseFunction, { options }: Facts): boolean {
  if (schema === 'tenancy' && name === 'tenant_id') return true
  return options.tenantFunctions.some((given) =>
    typeof given === 'string' ? given === name : given.schema === schema && given.name === name,
  )
}

function unlimitedTable(
  { owner }: DatabaseFunction,
  facts: Facts,
): { readonly table: TableFacts; readonly why: string } | undefined {
  for (const table of allTables(facts)) {
    const why = whyUnlimited(owner, table, facts)
    if (why !== undefined) return { table, why }
  }
  return undefined
}

function pathOf({ settings }: DatabaseFunction): string {
  if (settings['search_path'] !== undefined) return ''
  return ' Its search_path is not fixed, so the caller may even choose which tables and functions its body means.'
}
