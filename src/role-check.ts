import { TenancyError } from './errors.js'
import { functionNames } from './gate/functions.js'

/**
 * What the pool asks of every new connection: whether row-level security applies to its role at all
 * (https://www.postgresql.org/docs/current/ddl-rowsecurity.html), and whether strings are read as the gate reads them:
 * without backslashes, and with no character that takes a quote or a backslash for its second byte; and which functions
 * of this database could reach beyond a statement: unless `$1` is already the list of extensions that it names.
 */
export const roleQuery = `SELECT r.rolname, r.rolsuper, r.rolbypassrls,
  (SELECT c.oid::pg_catalog.regclass::text FROM pg_catalog.pg_class c
    WHERE c.relrowsecurity AND c.relkind IN ('r', 'p') AND pg_catalog.pg_has_role(r.oid, c.relowner, 'USAGE') LIMIT 1) AS owns,
  pg_catalog.current_setting('standard_conforming_strings') AS strings,
  pg_catalog.current_setting('client_encoding') AS encoding,
  pg_catalog.pg_backend_pid() AS pid,
  (SELECT pg_catalog.json_object_agg(s, pg_catalog.current_setting(s))::text
    FROM pg_catalog.unnest(ARRAY['TimeZone', 'DateStyle', 'IntervalStyle', 'application_name']) s) AS passing,
  e.extensions, CASE WHEN e.extensions <> $1::text THEN ${functionNames} END AS functions
FROM pg_catalog.pg_roles r,
  (SELECT pg_catalog.concat('of ', pg_catalog.string_agg(x.oid::text, ' ' ORDER BY x.oid)) AS extensions FROM pg_catalog.pg_extension x) e
WHERE r.rolname = current_user`

export interface RoleRow {
  rolname: string
  rolsuper: boolean
  rolbypassrls: boolean
  owns: string | null
  strings: string
  encoding: string
  pid: number
  /** A JSON object: what the reported settings that `SET LOCAL` may change stand at. */
  passing: string
  /** Which extensions the database has: new ones bring new functions. */
  extensions: string
  /** A JSON array, or null where those extensions were known. */
  functions: string | null
}

/** @throws TenancyError `ROLE.BYPASSES_RLS`, `CONFIG.INVALID` */
export function checkRole(row: RoleRow | undefined, allowBypass: boolean): void {
  const why = reason(checkTexts(row))
  if (why === undefined || allowBypass) return
  throw new TenancyError(
    'ROLE.BYPASSES_RLS',
    `Row-level security does not bind the role "${row?.rolname}": it ${why}.`,
    {
      hint: 'Log in as an app role that owns nothing and is neither SUPERUSER nor BYPASSRLS: tenantRoles() of prisma-extension-tenancy/sql writes one.',
      docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
      meta: { role: row?.rolname },
    },
  )
}

/**
 * The other way round: is it the role for reading across tenants?
 *
 * @throws TenancyError `CONFIG.INVALID`
 */
export function checkBypassRole(row: RoleRow | undefined): void {
  const { rolname, rolsuper, rolbypassrls } = checkTexts(row)
  if (rolbypassrls && !rolsuper) return
  const why = rolsuper ? 'is a superuser, whom nothing limits' : 'has no BYPASSRLS, so it would see no tenant'
  throw new TenancyError('CONFIG.INVALID', `acrossTenants cannot use the role "${rolname}": it ${why}.`, {
    hint: 'Log in as a role with BYPASSRLS that may only read: tenantRoles() of prisma-extension-tenancy/sql writes one.',
    docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
    meta: { role: rolname },
  })
}

function checkTexts(row: RoleRow | undefined): RoleRow {
  if (row?.strings !== 'on') {
    throw new TenancyError(
      'CONFIG.INVALID',
      'The connection has standard_conforming_strings off, so statements cannot be checked before they are sent.',
      {
        hint: `ALTER ROLE ${row?.rolname ?? 'app'} RESET standard_conforming_strings;`,
      },
    )
  }
  if (row.encoding !== 'UTF8') {
    throw new TenancyError(
      'CONFIG.INVALID',
      `The connection has client_encoding ${row.encoding}, so statements cannot be checked before they are sent.`,
      {
        hint: "Leave client_encoding at UTF8: pg sends nothing else. Is it set in onConnect, or in the connection's options?",
        docsUrl: 'https://www.postgresql.org/docs/current/multibyte.html',
      },
    )
  }
  return row
}

function reason({ rolsuper, rolbypassrls, owns }: RoleRow): string | undefined {
  if (rolsuper) return 'is a superuser'
  if (rolbypassrls) return 'has BYPASSRLS'
  return owns === null ? undefined : `owns ${owns}, or is a member of its owner`
}
