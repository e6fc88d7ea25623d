// Statements that were injected into a service: what tenant A's connection is made to run, in A's transaction, after the
// library bound it. `{SET}` is the setting that decides who the tenant is and `{TO}` what the attacker writes into it:
// with plain tenants the other tenant's id, with sealed ones each of the forgeries of injected.test.ts. `{B}` is the other
// tenant, `{keys}` the table of the keys.

export interface Injected {
  readonly what: string
  /** One after the other, in one transaction; answers and errors of all of them count. */
  readonly sql: readonly string[]
  /** Does it read or write a row of B where tenants are not sealed? */
  readonly escapes: boolean
}

const become = "set_config('{SET}', '{TO}', true)"
const injected = (what: string, escapes: boolean, ...sql: string[]): Injected => ({ what, sql, escapes })

/** `set_config` in every position of a statement that reads. */
const reading: readonly Injected[] = [
  injected(
    'SELECT list, and a subquery beside it',
    true,
    `SELECT ${become}, (SELECT string_agg(name, ',') FROM projects)`,
  ),
  injected('SELECT list of the same scan', false, `SELECT ${become}, name FROM projects`),
  injected(
    'CTE MATERIALIZED',
    true,
    `WITH x AS MATERIALIZED (SELECT ${become} AS s) SELECT name FROM projects WHERE (SELECT s FROM x) IS NOT NULL`,
  ),
  injected(
    'CTE NOT MATERIALIZED',
    true,
    `WITH x AS NOT MATERIALIZED (SELECT ${become} AS s) SELECT name FROM projects WHERE (SELECT s FROM x) IS NOT NULL`,
  ),
  injected(
    'CTE RECURSIVE',
    true,
    `WITH RECURSIVE x(n, s) AS (SELECT 1, ${become} UNION ALL SELECT n + 1, s FROM x WHERE n < 3) SELECT p.name FROM x, LATERAL (SELECT name FROM projects WHERE x.s IS NOT NULL OFFSET 0) p`,
  ),
  injected(
    'FROM, as a table',
    true,
    `SELECT p.name FROM ${become} AS x(s), LATERAL (SELECT name FROM projects WHERE x.s IS NOT NULL OFFSET 0) p`,
  ),
  injected(
    'FROM, ROWS FROM',
    true,
    `SELECT p.name FROM ROWS FROM (${become}, generate_series(1, 2)) AS x(s, n), LATERAL (SELECT name FROM projects WHERE x.s IS NOT NULL OFFSET 0) p`,
  ),
  injected(
    'LATERAL',
    true,
    `SELECT p.name FROM (SELECT ${become} AS s OFFSET 0) x, LATERAL (SELECT * FROM projects WHERE x.s IS NOT NULL) p`,
  ),
  injected(
    'LEFT JOIN LATERAL on every row',
    true,
    `SELECT p.name FROM generate_series(1, 3) g LEFT JOIN LATERAL (SELECT name, ${become} FROM projects WHERE g > 0 OFFSET 0) p ON true`,
  ),
  injected('WHERE', false, `SELECT name FROM projects WHERE ${become} IS NOT NULL`),
  injected('WHERE, a subquery', true, `SELECT name FROM projects WHERE (SELECT ${become}) IS NOT NULL`),
  injected('WHERE EXISTS', true, `SELECT name FROM projects WHERE EXISTS (SELECT FROM (SELECT ${become} OFFSET 0) x)`),
  injected('WHERE IN', true, `SELECT name FROM projects WHERE 'x' NOT IN (SELECT ${become})`),
  injected('JOIN … ON', false, `SELECT p.name FROM projects p JOIN tasks t ON ${become} IS NOT NULL`),
  injected('ORDER BY', false, `SELECT name FROM projects ORDER BY ${become}`),
  injected('GROUP BY', false, `SELECT min(name) FROM projects GROUP BY ${become}`),
  injected(
    'HAVING, and a subquery after it',
    true,
    `SELECT (SELECT string_agg(name, ',') FROM projects) FROM tasks HAVING max(${become}) IS NOT NULL`,
  ),
  injected(
    'CASE',
    true,
    `SELECT CASE WHEN ${become} IS NOT NULL THEN (SELECT string_agg(name, ',') FROM projects) END`,
  ),
  injected(
    'VALUES',
    true,
    `SELECT p.name FROM (VALUES (${become}), ('more')) AS x(s), LATERAL (SELECT name FROM projects WHERE x.s IS NOT NULL OFFSET 0) p`,
  ),
  injected('UNION ALL', true, `SELECT ${become} UNION ALL SELECT name FROM projects`),
  injected('LIMIT', true, `SELECT name FROM projects LIMIT length(${become})`),
  injected(
    'FILTER of an aggregate',
    false,
    `SELECT string_agg(name, ',') FILTER (WHERE ${become} IS NOT NULL) FROM projects`,
  ),
  injected('window', false, `SELECT name, count(*) OVER (ORDER BY ${become}) FROM projects`),
  injected(
    'TABLESAMPLE',
    true,
    `SELECT name FROM projects TABLESAMPLE SYSTEM (CASE WHEN ${become} IS NULL THEN 0 ELSE 100 END)`,
  ),
  injected('array', true, `SELECT ARRAY[${become}] || ARRAY(SELECT name FROM projects)`),
  injected(
    'changed in the middle of a scan',
    true,
    `SELECT a.name, b.name FROM projects a, LATERAL (SELECT ${become} AS s, a.id OFFSET 0) x, LATERAL (SELECT name FROM projects WHERE x.s IS NOT NULL OFFSET 0) b`,
  ),
  injected(
    'a policy of a second table',
    true,
    `WITH x AS MATERIALIZED (SELECT ${become} AS s) SELECT title FROM tasks WHERE (SELECT s FROM x) IS NOT NULL`,
  ),
  injected(
    'and back again, so that nobody notices',
    true,
    `SELECT ${become}, (SELECT string_agg(name, ',') FROM projects), set_config('{SET}', '{WAS}', true)`,
  ),
  injected(
    'EXPLAIN ANALYZE, which tells how many rows there are',
    false,
    `EXPLAIN (ANALYZE, VERBOSE) WITH x AS MATERIALIZED (SELECT ${become}) SELECT name FROM x, projects`,
  ),
  injected(
    'for the session, and read in the next statement',
    true,
    `SELECT set_config('{SET}', '{TO}', false)`,
    'SELECT name FROM projects',
  ),
]

/** … and of one that writes. */
const writing: readonly Injected[] = [
  injected(
    'UPDATE behind a CTE',
    true,
    `WITH x AS MATERIALIZED (SELECT ${become} AS s) UPDATE projects SET budget = 666 WHERE (SELECT s FROM x) IS NOT NULL RETURNING name`,
  ),
  injected('UPDATE … SET', false, `UPDATE projects SET budget = length(${become})`),
  injected('UPDATE … SET, a subquery', false, `UPDATE projects SET budget = (SELECT length(${become})) RETURNING name`),
  injected(
    'UPDATE … RETURNING',
    false,
    `WITH x AS (UPDATE projects SET budget = 1 RETURNING ${become}) SELECT (SELECT count(*) FROM x), (SELECT string_agg(name, ',') FROM tasks, projects)`,
  ),
  injected('UPDATE that moves a row to B', false, `UPDATE projects SET tenant_id = '{B}'`),
  injected(
    'UPDATE that moves a row to B and says so',
    true,
    `UPDATE projects SET tenant_id = '{B}', budget = length(${become})`,
  ),
  injected('DELETE', true, `DELETE FROM tasks WHERE (SELECT ${become}) IS NOT NULL`),
  injected(
    'INSERT … SELECT into B',
    true,
    `INSERT INTO projects (id, tenant_id, name) SELECT gen_random_uuid(), '{B}', 'planted' FROM ${become} AS s`,
  ),
  injected(
    'INSERT … VALUES into B',
    true,
    `INSERT INTO projects (id, tenant_id, name) VALUES (gen_random_uuid(), '{B}', ${become})`,
  ),
  injected(
    'INSERT that leaves the tenant to its default',
    true,
    `INSERT INTO projects (name, id) SELECT 'planted', gen_random_uuid() FROM set_config('app.tenant_id', '{B}', true) AS s, ${become} AS t`,
  ),
  injected(
    'INSERT … ON CONFLICT DO UPDATE',
    false,
    `INSERT INTO projects (id, tenant_id, name) SELECT id, '{B}', ${become} FROM projects ON CONFLICT (id) DO UPDATE SET budget = 666, tenant_id = '{B}'`,
  ),
  injected(
    'MERGE',
    false,
    `MERGE INTO projects USING (VALUES (1)) AS x ON (SELECT ${become}) IS NOT NULL WHEN MATCHED THEN UPDATE SET budget = 666`,
  ),
]

/** Statements of their own, and what they leave for those that follow. */
const scripts: readonly Injected[] = [
  injected('SET LOCAL', true, `SET LOCAL {SET} = '{TO}'`, 'SELECT name FROM projects'),
  injected(
    'UPDATE of pg_settings',
    false,
    `UPDATE pg_settings SET setting = '{TO}' WHERE name = '{SET}'`,
    'SELECT name FROM projects',
  ),
  injected(
    'DO',
    true,
    `DO $$ BEGIN PERFORM ${become}; CREATE TEMP TABLE loot AS SELECT name FROM projects; END $$`,
    'SELECT name FROM loot',
  ),
  injected(
    'DO that catches what it is refused with',
    false,
    `DO $$ DECLARE said text; BEGIN
      PERFORM ${become}; PERFORM name FROM projects; RAISE NOTICE 'read'; EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS said = PG_EXCEPTION_CONTEXT; RAISE EXCEPTION '% % %', SQLERRM, SQLSTATE, said; END $$`,
  ),
  injected(
    'DO that reads on after the refusal',
    false,
    `DO $$ BEGIN BEGIN PERFORM ${become}; PERFORM name FROM projects; EXCEPTION WHEN OTHERS THEN NULL; END; END $$`,
    `SELECT current_setting('{SET}')`,
  ),
  injected(
    'function with a SET clause',
    false,
    `CREATE FUNCTION pg_temp.peek() RETURNS SETOF text LANGUAGE sql SET "{SET}" = '{TO}' AS 'SELECT name FROM public.projects'`,
    'SELECT pg_temp.peek()',
  ),
  injected(
    'function that is called for every row of a scan',
    true,
    `CREATE FUNCTION pg_temp.peek() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM ${become}; RETURN (SELECT string_agg(name, ',') FROM public.projects); END $$`,
    'SELECT name, pg_temp.peek() FROM projects',
  ),
  injected(
    'function that pretends to be leakproof',
    false,
    `CREATE FUNCTION pg_temp.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 LEAKPROOF AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$`,
    'SELECT name FROM projects WHERE pg_temp.peek(name)',
  ),
  injected(
    'cheap function that tells every row it sees',
    false,
    `CREATE FUNCTION pg_temp.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$`,
    'SELECT 1 FROM projects WHERE pg_temp.peek(name)',
  ),
  injected(
    'prepared with A, executed after',
    true,
    'PREPARE peek AS SELECT name FROM projects',
    ...Array(6).fill('EXECUTE peek'),
    `SELECT ${become}`,
    'EXECUTE peek',
  ),
  injected(
    'generic plan of a prepared statement',
    true,
    'SET LOCAL plan_cache_mode = force_generic_plan',
    'PREPARE peek AS SELECT name FROM projects',
    'EXECUTE peek',
    `SELECT ${become}`,
    'EXECUTE peek',
  ),
  injected(
    'cursor opened before',
    true,
    'DECLARE peek CURSOR FOR SELECT name FROM projects',
    `SELECT ${become}`,
    'FETCH ALL FROM peek',
  ),
  injected(
    'cursor opened after',
    true,
    `SELECT ${become}`,
    'DECLARE peek CURSOR FOR SELECT name FROM projects',
    'FETCH ALL FROM peek',
  ),
  injected('savepoint', true, 'SAVEPOINT s', `SELECT ${become}`, 'RELEASE s', 'SELECT name FROM projects'),
  injected(
    'parallel workers',
    true,
    `SELECT ${become}`,
    'SET LOCAL parallel_setup_cost = 0',
    'SET LOCAL parallel_tuple_cost = 0',
    'SET LOCAL min_parallel_table_scan_size = 0',
    "SELECT string_agg(name, ',') FROM projects",
  ),
  injected(
    'sequential scans only',
    true,
    `SELECT ${become}`,
    'SET LOCAL enable_indexscan = off',
    'SET LOCAL enable_bitmapscan = off',
    'SELECT name FROM projects',
  ),
  injected(
    'trigger of a temporary table',
    true,
    'CREATE TEMP TABLE bait (id int)',
    `CREATE FUNCTION pg_temp.spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ${become}; RETURN NEW; END $$`,
    'CREATE TRIGGER t BEFORE INSERT ON bait FOR EACH ROW EXECUTE FUNCTION pg_temp.spring()',
    'INSERT INTO bait VALUES (1)',
    'SELECT name FROM projects',
  ),
  injected('row_security = off', false, 'SET LOCAL row_security = off', 'SELECT name FROM projects'),
  injected('SET ROLE to the owner', false, 'SET LOCAL ROLE app_owner', 'SELECT name FROM projects'),
  injected('SET SESSION AUTHORIZATION', false, 'SET SESSION AUTHORIZATION app_owner', 'SELECT name FROM projects'),
  injected(
    'the transaction ended, and another begun',
    true,
    'COMMIT',
    'BEGIN',
    `SELECT ${become}`,
    'SELECT name FROM projects',
  ),
  injected(
    'the role made to begin every session so',
    false,
    `ALTER ROLE CURRENT_USER IN DATABASE {db} SET {SET} = '{TO}'`,
    'SELECT name FROM projects',
    'ALTER ROLE CURRENT_USER IN DATABASE {db} RESET {SET}',
  ),
]

/** What the function that checks seals names, replaced by something of the attacker's; then a forgery is tried. */
const shadowed = (what: string, ...sql: string[]): Injected =>
  injected(
    `shadowed: ${what}`,
    true,
    ...sql,
    'SET LOCAL search_path = sandbox, pg_temp, pg_catalog, public',
    `WITH x AS MATERIALIZED (SELECT pg_catalog.set_config('{SET}', '{TO}', true) AS s) SELECT name FROM public.projects WHERE (SELECT s FROM x) IS NOT NULL`,
  )
const fn = (schema: string, signature: string, returns: string, sql: string, volatility = 'IMMUTABLE') =>
  `CREATE FUNCTION ${schema}.${signature} RETURNS ${returns} LANGUAGE sql ${volatility} AS $$ SELECT ${sql} $$`
const shadows: readonly Injected[] = ['pg_temp', 'sandbox'].flatMap((schema) => [
  shadowed(`sha256 in ${schema}`, fn(schema, 'sha256(bytea)', 'bytea', String.raw`'\x00'::bytea`)),
  shadowed(
    `encode, left, substr and split_part in ${schema}`,
    fn(schema, 'encode(bytea, text)', 'text', "'same'"),
    fn(schema, '"left"(text, int)', 'text', "'same'"),
    fn(schema, 'substr(text, int)', 'text', "'.9999999999.k1.{B}'"),
    fn(schema, 'split_part(text, text, int)', 'text', "'k1'"),
  ),
  shadowed(`current_setting in ${schema}`, fn(schema, 'current_setting(text, boolean)', 'text', "'{TO}'")),
  shadowed(
    `convert_to, which is shown the text that is signed, in ${schema}`,
    fn(schema, 'convert_to(text, name)', 'bytea', String.raw`'\x00'::bytea`),
  ),
  shadowed(
    `now, to_timestamp and length in ${schema}`,
    fn(schema, 'now()', 'timestamptz', "'-infinity'::timestamptz"),
    fn(schema, 'to_timestamp(double precision)', 'timestamptz', "'-infinity'::timestamptz"),
    fn(schema, 'length(text)', 'int', '0'),
  ),
  shadowed(
    `the operator = of texts in ${schema}`,
    fn(schema, 'yes(text, text)', 'boolean', 'true'),
    `CREATE OPERATOR ${schema}.= (LEFTARG = text, RIGHTARG = text, FUNCTION = ${schema}.yes)`,
  ),
  shadowed(
    `the operator || of bytes, which is shown the pads, in ${schema}`,
    `CREATE FUNCTION ${schema}.tell(bytea, bytea) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', $1; RETURN $2; END $$`,
    `CREATE OPERATOR ${schema}.|| (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = ${schema}.tell)`,
  ),
  shadowed(
    `the operators < and > of times in ${schema}`,
    fn(schema, 'no(timestamptz, timestamptz)', 'boolean', 'false'),
    `CREATE OPERATOR ${schema}.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = ${schema}.no)`,
    `CREATE OPERATOR ${schema}.> (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = ${schema}.no)`,
  ),
  shadowed(
    `the table of the keys in ${schema}`,
    `CREATE TABLE ${schema}.seal_keys (key_id text, inner_pad bytea, outer_pad bytea, created_at timestamptz, retired_at timestamptz)`,
    `INSERT INTO ${schema}.seal_keys VALUES ('k9', '{UNKNOWN INNER}', '{UNKNOWN OUTER}', now(), NULL)`,
  ),
  shadowed(
    `the types text and bytea in ${schema}`,
    `CREATE DOMAIN ${schema}.text AS pg_catalog.text DEFAULT 'x'`,
    `CREATE DOMAIN ${schema}.bytea AS pg_catalog.bytea`,
  ),
  shadowed(
    `the equality of uuid in ${schema}`,
    fn(schema, 'same(uuid, uuid)', 'boolean', 'true'),
    `CREATE OPERATOR ${schema}.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = ${schema}.same)`,
  ),
])

/** The keys, the seals of others and the function itself. Nothing of it comes out, sealed or not. */
const keys: readonly Injected[] = [
  ...[
    'SELECT * FROM {keys}',
    'TABLE {keys}',
    'SELECT k::text FROM {keys} k',
    'SELECT row_to_json(k) FROM {keys} k',
    'SELECT count(*) FROM {keys}',
    "SELECT encode(outer_pad, 'hex') FROM ONLY {keys} WHERE retired_at IS NULL FOR SHARE",
    'COPY {keys} TO STDOUT',
    'EXPLAIN ANALYZE SELECT * FROM {keys}',
    "SELECT query_to_xml('SELECT * FROM {keys}', true, true, '')",
    "SELECT table_to_xml(c.oid, true, true, '') FROM pg_class c WHERE relname = 'seal_keys'",
    "SELECT schema_to_xml('tenancy', true, true, '')",
    "SELECT database_to_xml(true, true, '')",
    'CREATE TEMP VIEW loot AS SELECT * FROM {keys}',
    'CREATE TEMP TABLE loot () INHERITS ({keys})',
    'CREATE TEMP TABLE loot (key text REFERENCES {keys})',
    'CREATE TABLE sandbox.loot (LIKE {keys})',
    "UPDATE {keys} SET retired_at = NULL RETURNING encode(inner_pad, 'hex')",
    "INSERT INTO {keys} VALUES ('k9', '{UNKNOWN INNER}', '{UNKNOWN OUTER}', now(), NULL)",
    'DELETE FROM {keys}',
    'LOCK TABLE {keys}',
    "SELECT pg_read_binary_file(pg_relation_filepath(c.oid)) FROM pg_class c WHERE relname = 'seal_keys'",
    "SELECT lo_import(pg_relation_filepath(c.oid)) FROM pg_class c WHERE relname = 'seal_keys'",
    'GRANT SELECT ON {keys} TO app_user',
    'ALTER TABLE {keys} OWNER TO app_user',
    "CREATE OR REPLACE FUNCTION tenancy.tenant_id() RETURNS uuid LANGUAGE sql AS $$ SELECT '{B}'::uuid $$",
    'ALTER FUNCTION tenancy.tenant_id() SECURITY INVOKER',
    'ALTER FUNCTION tenancy.tenant_id() RESET search_path',
    'DROP POLICY tenant_isolation ON projects',
    'ALTER TABLE projects DISABLE ROW LEVEL SECURITY',
    "SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'seal_keys'",
    'SELECT stavalues1::text FROM pg_statistic',
    "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats WHERE tablename = 'projects'",
    'SELECT query FROM pg_stat_activity',
    'SELECT statement, parameter_types::text FROM pg_prepared_statements',
    'SELECT statement FROM pg_cursors',
    "SELECT name, setting, reset_val FROM pg_settings WHERE name LIKE 'app.%'",
    'SELECT setconfig::text FROM pg_db_role_setting',
    "SELECT pg_get_functiondef(p.oid), prosrc FROM pg_proc p WHERE proname = 'tenant_id'",
    'SELECT pg_get_expr(polqual, polrelid) FROM pg_policy',
    "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid::regclass::text LIKE '%seal%'",
  ].map((sql) => injected(`keys: ${sql}`, false, sql)),
  injected(
    'keys: the plans of the function, told to whoever asks for them',
    false,
    'SET LOCAL client_min_messages = debug5',
    'SET LOCAL debug_print_parse = on',
    'SET LOCAL debug_print_rewritten = on',
    'SET LOCAL debug_print_plan = on',
    'SET LOCAL plan_cache_mode = force_custom_plan',
    'SELECT name FROM projects',
  ),
  injected(
    'keys: the same with a forgery, and parameters in errors',
    true,
    'SET LOCAL client_min_messages = debug5',
    'SET LOCAL debug_print_plan = on',
    'SET LOCAL log_parameter_max_length_on_error = -1',
    `SELECT ${become}`,
    'SELECT name FROM projects',
  ),
]

export const INJECTED: readonly Injected[] = [...reading, ...writing, ...scripts, ...shadows, ...keys]
