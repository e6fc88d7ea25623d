import { dropTenantPolicy } from '../../sql/policies.js'
import { SEAL_KEYS } from '../../sql/seal.js'
import { nameOfRelation } from '../names.js'
import { mayEnter } from '../reach.js'
import { nameOfRole, revokeOnRelation } from '../revoke.js'
import type { Rule } from '../rule.js'
import { blamelessRoles } from '../too-strong.js'

export const sealKeyReadable: Rule = {
  id: 'seal-key-readable',
  level: 'error',
  title: 'The app role gets at the keys of the seal',
  why: 'A seal proves that the service, and not the author of a piece of SQL, chose the tenant. Whoever reads the key can make the seal of every customer, and whoever writes one can make their own: an injected statement is then back where it was without seals.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-priv.html',
  harm: 'leak',
  check: (facts) => {
    const { catalog, privileges, appRole } = facts
    const keys = catalog.relations.find((relation) => nameOfRelation(relation) === SEAL_KEYS)
    if (!keys || appRole.superuser) return []
    const all = [...keys.acl, ...keys.columns.flatMap(({ acl }) => acl)]
    const blameless = blamelessRoles(facts)
    const names = new Set(all.map(({ privilege }) => privilege))
    const grants = [...names]
      .flatMap((privilege) => privileges.grants(all, privilege))
      .filter(({ grantee }) => grantee !== keys.owner && blameless.has(grantee))
    // Without a policy row-level security shows nobody a row: the second of two nets.
    const policies = catalog.policies.filter(({ relation }) => relation === keys.oid)
    const open = mayEnter(keys.schema, facts) && (!keys.rowSecurity || policies.length > 0)
    // A right on all tables, as pg_read_all_data has it, is no fault while the second net holds.
    if (grants.length === 0 && !(open && privileges.may('SELECT', keys))) return []
    const grantees = [...new Set(grants.map(({ grantee }) => nameOfRole(grantee, facts)))].join(', ')
    const granted = grants.length === 0 ? 'The app role may read all tables' : `Rights on it are granted to ${grantees}`
    const [schema, table] = [keys.schema, keys.name]
    return [
      {
        object: SEAL_KEYS,
        level: open ? 'error' : 'warning',
        detail: open
          ? `${granted}, and row-level security does not hide the rows. The keys may have been read: make a new one and retire these (tenancy seal add, tenancy seal retire).`
          : `${granted}, and one net alone still holds.`,
        fix: `${revokeOnRelation(grants, keys, facts)}${policies.map(({ name }) => dropTenantPolicy({ schema, table }, { name })).join('')}ALTER TABLE ${SEAL_KEYS} ENABLE ROW LEVEL SECURITY;
`,
      },
    ]
  },
}
