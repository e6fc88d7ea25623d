import { dollarQuote, quoteLiteral } from './quote.js'
import type { CheckedRoles } from './role-options.js'

/** Raises an exception where the app role is, or can become, one that policies do not hold. */
export function refuseWaysRound({ app, owner, migrator, bypass }: CheckedRoles): string {
  const others = new Set([owner?.literal ?? 'current_user', migrator?.literal, bypass?.literal])
  others.delete(undefined)
  return `-- A member of a role can SET ROLE to it, so memberships count as much as the role itself.
DO ${dollarQuote(`
DECLARE
  way_round name;
BEGIN
  SELECT rolname INTO way_round FROM pg_roles
  WHERE (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication OR rolname IN (${[...others].join(', ')}))
    AND pg_has_role(${app.literal}, oid, 'MEMBER')
  ORDER BY rolname <> ${app.literal};
  IF FOUND THEN
    RAISE EXCEPTION 'Role % could get round row-level security as %.', quote_ident(${app.literal}), quote_ident(way_round)
      USING HINT = format(
        'Give the service a role of its own, or take the right away: ALTER ROLE %1$I NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION; or REVOKE %2$I FROM %1$I;',
        ${app.literal}, way_round);
  END IF;
END
`)};
`
}

/** Takes TEMP from the app role and everybody else, but for the migrator, and looks whether it and CREATE are gone. */
export function revokeTemporary({ app, migrator, migratorOwns, schemas }: CheckedRoles): string {
  const grant =
    migrator && !migratorOwns
      ? `  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), ${migrator.literal});\n`
      : ''
  const canCreate = schemas.map(
    (schema) => `
    OR has_schema_privilege(${app.literal}, ${quoteLiteral(schema)}, 'CREATE')`,
  )
  return `-- A temporary table named like a real one would be read in its place, by whoever gets the connection next.
DO ${dollarQuote(`
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC, %I', current_database(), ${app.literal});
${grant}  -- A REVOKE of what somebody else granted is only a warning, so look.
  IF has_database_privilege(${app.literal}, current_database(), 'TEMPORARY')${canCreate.join('')} THEN
    RAISE EXCEPTION 'Role % can still create objects.', quote_ident(${app.literal})
      USING HINT = 'Run this as the owner of the database and of the schema, or as a superuser.';
  END IF;
END
`)};
`
}
