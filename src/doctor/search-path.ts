import type { Catalog, Role } from './catalog.js'

/** As PostgreSQL has it: the schema named like the role, then public. */
const byDefault = '"$user", public'

/**
 * The schemas that a role's statements look in for names without one, as far as it is stored for the role and the database;
 * what a connection or the server's configuration sets is not known here.
 *
 * @see https://www.postgresql.org/docs/current/config-setting.html
 */
export function searchPathOf({ oid, name }: Role, { settings }: Pick<Catalog, 'settings'>): readonly string[] {
  const of = (database: boolean, role: boolean): string | undefined =>
    settings.find(
      (setting) =>
        setting.name === 'search_path' &&
        setting.role === (role ? oid : null) &&
        (setting.database !== null) === database,
    )?.value
  const stored = of(true, true) ?? of(false, true) ?? of(true, false) ?? of(false, false) ?? byDefault
  return identifiersOf(stored).map((each) => (each === '$user' ? name : each))
}

/** `"Crm", public`: what stands in quotes is kept, the rest is in lower case. */
function identifiersOf(list: string): string[] {
  return [...list.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)].map(
    ([found, quoted]) => quoted?.replaceAll('""', '"') ?? found.toLowerCase(),
  )
}
