import type { Catalog, Grant, Oid, Relation, Role } from './catalog.js'

/** What the app role may do, and which roles it can become. */
export interface Privileges {
  /** Roles whose rights it has without doing anything: itself, what it inherits from, and PUBLIC (0). */
  readonly effective: ReadonlySet<Oid>
  /** Roles that it can become by SET ROLE, each with the memberships that lead there: itself is not among them. */
  readonly canBecome: ReadonlyMap<Oid, readonly Oid[]>
  /** Grants that reach it. */
  grants(acl: readonly Grant[], privilege: string): readonly Grant[]
  /** Has it the right on the whole table, or on one of its columns? */
  may(privilege: TablePrivilege, relation: Relation): boolean
}

export type TablePrivilege = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE' | 'REFERENCES' | 'TRIGGER'

/** Rights that no grant shows. */
const everywhere: Partial<Record<TablePrivilege, string>> = {
  SELECT: 'pg_read_all_data',
  INSERT: 'pg_write_all_data',
  UPDATE: 'pg_write_all_data',
  DELETE: 'pg_write_all_data',
}

/** @see https://www.postgresql.org/docs/current/role-membership.html */
export function privilegesOf(role: Role, { memberships, roles }: Pick<Catalog, 'memberships' | 'roles'>): Privileges {
  const follow = (rights: 'inherit' | 'set'): Map<Oid, readonly Oid[]> => {
    const ways = new Map<Oid, readonly Oid[]>([[role.oid, []]])
    // A map is walked in the order of insertion, what is added on the way included.
    for (const [member, way] of ways) {
      for (const membership of memberships) {
        if (membership.member !== member || !membership[rights] || ways.has(membership.role)) continue
        ways.set(membership.role, [...way, membership.role])
      }
    }
    return ways
  }
  const effective = new Set([...follow('inherit').keys(), 0])
  const canBecome = follow('set')
  canBecome.delete(role.oid)
  const named = new Set(roles.filter(({ oid }) => effective.has(oid)).map(({ name }) => name))
  const grants = (acl: readonly Grant[], privilege: string): readonly Grant[] =>
    acl.filter((grant) => grant.privilege === privilege && effective.has(grant.grantee))
  return {
    effective,
    canBecome,
    grants,
    may(privilege, { acl, columns }) {
      if (role.superuser || named.has(everywhere[privilege] ?? '')) return true
      return grants(acl, privilege).length > 0 || columns.some((column) => grants(column.acl, privilege).length > 0)
    },
  }
}
