import { quoteIdentifier } from '../../sql/quote.js'
import type { DefaultPrivilege, Grant, Oid } from '../catalog.js'
import type { Facts } from '../facts.js'
import { nameOfRole } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { blamelessRoles } from '../too-strong.js'

const everybody = 0
const uncovered = ['TRUNCATE', 'REFERENCES', 'TRIGGER']

export const defaultPrivileges: Rule = {
  id: 'default-privileges',
  level: 'warning',
  title: 'Tables of later migrations are open from the moment they are made',
  why: 'Default privileges are granted on whatever a role creates from now on. The next migration makes a table, nobody writes a GRANT, and everybody, or the service with rights that no policy covers, may use it all the same: the fault comes back with each table after it was mended.',
  docsUrl: 'https://www.postgresql.org/docs/current/sql-alterdefaultprivileges.html',
  harm: 'other',
  unprovable: 'It is about tables that are not there yet.',
  check: (facts) => {
    const blameless = blamelessRoles(facts)
    return facts.catalog.defaultPrivileges.flatMap((entry) => problem(entry, blameless, facts))
  },
}

function problem(entry: DefaultPrivilege, blameless: ReadonlySet<Oid>, facts: Facts): Problem[] {
  const { creator, schema, objects, acl } = entry
  const inSchema = schema === null ? undefined : facts.schema(schema)
  if (schema !== null && (!inSchema || !facts.isChecked(inSchema.name))) return []
  const grants = acl.filter((grant) => isTooMuch(grant, entry, facts.privileges.effective, blameless))
  if (grants.length === 0) return []
  const where = inSchema ? ` IN SCHEMA ${quoteIdentifier(inSchema.name)}` : ''
  const who = nameOfRole(creator, facts)
  const grantees = [...new Set(grants.map(({ grantee }) => grantee))]
  const privileges = (of: Oid): string =>
    grants
      .filter(({ grantee }) => grantee === of)
      .map(({ privilege }) => privilege)
      .join(', ')
  const given = grantees.map((grantee) => `${privileges(grantee)} to ${nameOfRole(grantee, facts)}`).join(' and ')
  return [
    {
      object: `DEFAULT PRIVILEGES FOR ROLE ${who}${where} ON ${objects.toUpperCase()}`,
      detail: `What ${who} creates${inSchema ? ` in ${quoteIdentifier(inSchema.name)}` : ''} grants ${given}.`,
      fix: `-- As ${who}, or as a superuser.\n${grantees
        .map(
          (grantee) =>
            `ALTER DEFAULT PRIVILEGES FOR ROLE ${who}${where} REVOKE ${privileges(grantee)} ON ${objects.toUpperCase()} FROM ${nameOfRole(grantee, facts)};\n`,
        )
        .join('')}`,
    },
  ]
}

function isTooMuch(
  { grantee, privilege }: Grant,
  { creator, objects }: DefaultPrivilege,
  effective: ReadonlySet<Oid>,
  blameless: ReadonlySet<Oid>,
): boolean {
  if (grantee === creator) return false
  const reaches = effective.has(grantee) && blameless.has(grantee)
  if (objects === 'tables') return grantee === everybody || (reaches && uncovered.includes(privilege))
  return objects === 'schemas' && privilege === 'CREATE' && reaches
}
