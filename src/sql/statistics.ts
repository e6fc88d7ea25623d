import { dollarQuote } from './quote.js'
import type { CheckedRoles } from './role-options.js'

/**
 * Functions whose answer depends on what was read, and not only on what a policy let through: the views pg_stat_…_tables,
 * pg_stat_…_indexes, pg_statio_…, pg_stat_…_functions, pg_stat_database and pg_stat_io call them. A view asks for EXECUTE in
 * the caller's name, so without it the view is closed too, and so is a view of the user's own. Each version of PostgreSQL
 * has some of them; what one of 15 to 18 has, the next keeps, which pg_upgrade needs of functions with changed rights.
 */
const countsReads = `pronamespace = 'pg_catalog'::regnamespace
      AND proname SIMILAR TO 'pg_stat_get_(xact_|db_|backend_)?(numscans|lastscan|tuples_returned|tuples_fetched|blocks_fetched|blocks_hit|function_%|io)'`

/** Takes the statistics from everybody but pg_monitor. What cannot be taken away is only said: it takes a superuser. */
export function revokeStatistics({ app }: CheckedRoles): string {
  return `-- Statistics count the rows that a policy hides, and so tell values of other tenants. Members of pg_monitor may read them.
DO ${dollarQuote(`
DECLARE
  superuser boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
  counting regprocedure;
  kept text[] := '{}';
BEGIN
  FOR counting IN
    SELECT oid FROM pg_proc
    WHERE ${countsReads}
      AND has_function_privilege(${app.literal}, oid, 'EXECUTE')
    ORDER BY proname
  LOOP
    IF superuser THEN
      EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, %I', counting, ${app.literal});
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO pg_read_all_stats', counting);
    END IF;
    IF has_function_privilege(${app.literal}, counting, 'EXECUTE') THEN
      kept := kept || counting::text;
    END IF;
  END LOOP;
  IF kept <> '{}' THEN
    RAISE NOTICE 'Role % can still read statistics that count the rows of all tenants, and find out values of other tenants by them.', quote_ident(${app.literal})
      USING HINT = CASE WHEN superuser
        THEN format('It is a member of a role that may read them, such as pg_monitor: REVOKE pg_monitor FROM %I;', ${app.literal})
        ELSE format('Run this as a superuser, or have one run: REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC;', array_to_string(kept, ', '))
      END;
  END IF;
END
`)};
`
}

/** Gives back what was taken, which pg_read_all_stats holds by name since then. */
export function restoreStatistics(): string {
  return `DO ${dollarQuote(`
DECLARE
  counting regprocedure;
BEGIN
  FOR counting IN
    SELECT pg_proc.oid FROM pg_proc, aclexplode(proacl)
    WHERE ${countsReads}
      AND grantee = 'pg_read_all_stats'::regrole
    ORDER BY proname
  LOOP
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      RAISE NOTICE 'Statistics stay closed to all but pg_monitor.'
        USING HINT = 'Run this as a superuser to give them back to everybody.';
      EXIT;
    END IF;
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', counting);
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM pg_read_all_stats', counting);
  END LOOP;
END
`)};
`
}
