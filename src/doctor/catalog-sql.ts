// The only catalog SQL of the doctor. Each part answers one row with one JSON, so that no client's type parsers matter, and
// lists in it are in the order of names. Everything runs in read-only transactions with a search path of pg_catalog alone,
// so PostgreSQL qualifies every other name that it writes back.

/** Ours and PostgreSQL's: what extensions made is theirs to keep in order. */
const ownSchemas = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"

const ofNoExtension = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${oid} AND e.deptype = 'e')`

const acl = (list: string, kind: string, owner: string): string => `(
      SELECT coalesce(json_agg(json_build_object('grantee', a.grantee::bigint, 'grantor', a.grantor::bigint,
        'privilege', a.privilege_type, 'grantable', a.is_grantable)), '[]')
      FROM aclexplode(coalesce(${list}, acldefault('${kind}', ${owner}))) a)`

const options = (list: string): string => `(
      SELECT json_object_agg(lower(o.option_name), lower(o.option_value)) FROM pg_options_to_table(${list}) o)`

const numbers = (vector: string): string => `array_to_json(${vector}::int2[])`

const catalogs = [
  'pg_attrdef',
  'pg_attribute',
  'pg_auth_members',
  'pg_class',
  'pg_constraint',
  'pg_database',
  'pg_db_role_setting',
  'pg_default_acl',
  'pg_depend',
  'pg_index',
  'pg_inherits',
  'pg_language',
  'pg_namespace',
  'pg_opclass',
  'pg_operator',
  'pg_partitioned_table',
  'pg_amop',
  'pg_am',
  'pg_policy',
  'pg_proc',
  'pg_publication',
  'pg_publication_namespace',
  'pg_publication_rel',
  'pg_rewrite',
  'pg_roles',
  'pg_type',
] as const
type CatalogTable = (typeof catalogs)[number]

/** Who asks what, and which catalogs an administrator has hidden from it: those are readable by everybody by default. */
export const headSql = `SELECT json_build_object(
  'database', current_database(),
  'connectedAs', current_user,
  'version', split_part(current_setting('server_version'), ' ', 1),
  'number', current_setting('server_version_num')::int,
  'hidden', (
    SELECT coalesce(json_agg(c.relname ORDER BY c.relname), '[]') FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND NOT pg_catalog.has_table_privilege(c.oid, 'SELECT')
      AND c.relname IN (${catalogs.map((name) => `'${name}'`).join(', ')}))) AS answer`

export interface Part {
  /** In a sentence: 'The … could not be read'. */
  readonly what: string
  readonly needs: readonly CatalogTable[]
  /** Without it there is nothing to judge. */
  readonly essential: boolean
  readonly sql: string
}

export const catalogParts = {
  access: {
    what: 'roles and the settings stored for them',
    needs: ['pg_roles', 'pg_auth_members', 'pg_db_role_setting', 'pg_database'],
    essential: true,
    sql: `SELECT json_build_object(
  'roles', (
    SELECT json_agg(json_build_object('oid', r.oid::bigint, 'name', r.rolname, 'superuser', r.rolsuper,
      'bypassRls', r.rolbypassrls, 'createRole', r.rolcreaterole, 'replication', r.rolreplication, 'login', r.rolcanlogin)
      ORDER BY r.rolname)
    FROM pg_roles r),
  'memberships', (
    -- The options of a membership are PostgreSQL 16's; before, the member has them.
    SELECT json_agg(json_build_object('role', m.roleid::bigint, 'member', m.member::bigint, 'grantor', m.grantor::bigint,
      'admin', m.admin_option,
      'inherit', coalesce((to_jsonb(m) ->> 'inherit_option')::boolean, r.rolinherit),
      'set', coalesce((to_jsonb(m) ->> 'set_option')::boolean, true)) ORDER BY m.roleid, m.member)
    FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member),
  'settings', (
    SELECT json_agg(json_build_object('database', d.datname, 'role', nullif(s.setrole, 0)::bigint,
      'name', lower(split_part(c, '=', 1)), 'value', substr(c, strpos(c, '=') + 1)) ORDER BY d.datname, s.setrole, c)
    FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE s.setdatabase = 0 OR d.datname = current_database())) AS answer`,
  },
  schemas: {
    what: 'schemas, default privileges and publications',
    needs: [
      'pg_namespace',
      'pg_database',
      'pg_default_acl',
      'pg_publication',
      'pg_publication_rel',
      'pg_publication_namespace',
      'pg_class',
    ],
    essential: true,
    sql: `SELECT json_build_object(
  'database', (
    SELECT json_build_object('owner', d.datdba::bigint, 'acl', ${acl('d.datacl', 'd', 'd.datdba')})
    FROM pg_database d WHERE d.datname = current_database()),
  'schemas', (
    SELECT json_agg(json_build_object('oid', n.oid::bigint, 'name', n.nspname, 'owner', n.nspowner::bigint,
      'acl', ${acl('n.nspacl', 'n', 'n.nspowner')}) ORDER BY n.nspname)
    FROM pg_namespace n WHERE ${ownSchemas}),
  'defaultPrivileges', (
    SELECT json_agg(json_build_object('creator', d.defaclrole::bigint, 'schema', nullif(d.defaclnamespace, 0)::bigint,
      'objects', CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
        WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END,
      'acl', ${acl('d.defaclacl', 'r', 'd.defaclrole')}) ORDER BY d.defaclrole, d.defaclnamespace, d.defaclobjtype)
    FROM pg_default_acl d),
  'publications', (
    SELECT json_agg(json_build_object('name', p.pubname, 'allTables', p.puballtables,
      'tables', (
        SELECT coalesce(json_agg(json_build_object('relation', r.prrelid::bigint,
          'rowFilter', pg_get_expr(r.prqual, r.prrelid), 'rowFilterTree', r.prqual::text) ORDER BY r.prrelid), '[]')
        FROM pg_publication_rel r WHERE r.prpubid = p.oid),
      'schemas', (
        SELECT coalesce(json_agg(s.pnnspid::bigint ORDER BY s.pnnspid), '[]')
        FROM pg_publication_namespace s WHERE s.pnpubid = p.oid)) ORDER BY p.pubname)
    FROM pg_publication p)) AS answer`,
  },
  relations: {
    what: 'tables and views',
    needs: [
      'pg_class',
      'pg_namespace',
      'pg_attribute',
      'pg_attrdef',
      'pg_inherits',
      'pg_rewrite',
      'pg_depend',
      'pg_partitioned_table',
    ],
    essential: true,
    sql: `SELECT json_agg(json_build_object('oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname,
  'kind', CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
    WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'sequence' END,
  'owner', c.relowner::bigint, 'rowSecurity', c.relrowsecurity, 'forceRowSecurity', c.relforcerowsecurity,
  'isPartition', c.relispartition, 'rows', c.reltuples::float8, 'options', coalesce(${options('c.reloptions')}, '{}'),
  'acl', CASE c.relkind WHEN 'S' THEN ${acl('c.relacl', 's', 'c.relowner')} ELSE ${acl('c.relacl', 'r', 'c.relowner')} END,
  'parents', coalesce(parents.list, '[]'), 'partitionKey', (
    SELECT json_build_object('strategy', CASE t.partstrat WHEN 'l' THEN 'list' WHEN 'r' THEN 'range' ELSE 'hash' END,
      'columns', ${numbers('t.partattrs')}) FROM pg_partitioned_table t WHERE t.partrelid = c.oid),
  'columns', coalesce(columns.list, '[]'),
  'readsFrom', coalesce(reads.list, '[]')) ORDER BY n.nspname, c.relname) AS answer
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (
  SELECT i.inhrelid, json_agg(i.inhparent::bigint ORDER BY i.inhseqno) AS list FROM pg_inherits i GROUP BY 1
) parents ON parents.inhrelid = c.oid
LEFT JOIN (
  SELECT a.attrelid, json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'typeOid', a.atttypid::bigint,
    'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull, 'default', pg_get_expr(d.adbin, d.adrelid),
    'identity', a.attidentity <> '', 'generated', a.attgenerated <> '',
    'acl', CASE WHEN a.attacl IS NULL THEN '[]' ELSE ${acl('a.attacl', 'c', "'0'")} END) ORDER BY a.attnum) AS list
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped
    AND a.attrelid IN (SELECT t.oid FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
      WHERE t.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${ownSchemas})
  GROUP BY 1
) columns ON columns.attrelid = c.oid
LEFT JOIN (
  SELECT w.ev_class, json_agg(DISTINCT d.refobjid::bigint) AS list
  FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
  WHERE w.rulename = '_RETURN' GROUP BY 1
) reads ON reads.ev_class = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${ownSchemas} AND ${ofNoExtension('pg_class', 'c.oid')}`,
  },
  policies: {
    what: 'policies',
    needs: ['pg_policy', 'pg_class', 'pg_namespace'],
    essential: true,
    sql: `SELECT json_agg(json_build_object('oid', p.oid::bigint, 'relation', p.polrelid::bigint, 'name', p.polname,
  'permissive', p.polpermissive,
  'command', CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
    ELSE 'DELETE' END,
  'roles', array_to_json(p.polroles::bigint[]),
  'using', pg_get_expr(p.polqual, p.polrelid), 'usingTree', p.polqual::text,
  'check', pg_get_expr(p.polwithcheck, p.polrelid), 'checkTree', p.polwithcheck::text)
  ORDER BY n.nspname, c.relname, p.polname) AS answer
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE ${ownSchemas}`,
  },
  indexes: {
    what: 'indexes',
    needs: [
      'pg_index',
      'pg_class',
      'pg_namespace',
      'pg_am',
      'pg_opclass',
      'pg_amop',
      'pg_operator',
      'pg_proc',
      'pg_inherits',
    ],
    essential: false,
    sql: `WITH ours AS MATERIALIZED (
  SELECT i.*, c.relname, n.nspname, m.amname,
    (i.indkey::int2[])[0:i.indnkeyatts - 1] AS keys, (i.indkey::int2[])[i.indnkeyatts:] AS included
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_am m ON m.oid = c.relam
  WHERE ${ownSchemas} AND ${ofNoExtension('pg_class', 'i.indrelid')}
)
SELECT json_build_object(
  'indexes', (
    SELECT json_agg(json_build_object('oid', i.indexrelid::bigint, 'relation', i.indrelid::bigint, 'name', i.relname,
      'method', i.amname, 'unique', i.indisunique, 'primary', i.indisprimary, 'exclusion', i.indisexclusion,
      'valid', i.indisvalid AND i.indisready, 'columns', array_to_json(i.keys), 'included', array_to_json(i.included),
      'operatorClasses', array_to_json((i.indclass::oid[])::bigint[]), 'predicate', pg_get_expr(i.indpred, i.indrelid),
      'definition', CASE WHEN i.indisunique OR NOT i.indisvalid THEN pg_get_indexdef(i.indexrelid) ELSE '' END, 'nullsNotDistinct', i.indnullsnotdistinct,
      'inherited', EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid))
      ORDER BY i.nspname, i.relname)
    FROM ours i),
  'operatorClasses', (
    SELECT json_agg(json_build_object('oid', c.oid::bigint, 'name', c.opcname, 'type', format_type(c.opcintype, NULL),
      'operators', (
        SELECT coalesce(json_agg(json_build_object('name', o.oprname, 'leakproof', f.proleakproof,
          'function', format('%I.%I(%s)', p.nspname, f.proname, pg_get_function_identity_arguments(f.oid)))
          ORDER BY a.amopstrategy), '[]')
        FROM pg_amop a JOIN pg_operator o ON o.oid = a.amopopr JOIN pg_proc f ON f.oid = o.oprcode
          JOIN pg_namespace p ON p.oid = f.pronamespace
        WHERE a.amopfamily = c.opcfamily AND a.amoppurpose = 's' AND a.amoplefttype = c.opcintype)) ORDER BY c.opcname)
    FROM pg_opclass c WHERE c.oid IN (SELECT unnest(i.indclass::oid[]) FROM ours i))) AS answer`,
  },
  constraints: {
    what: 'constraints',
    needs: ['pg_constraint', 'pg_class', 'pg_namespace'],
    essential: false,
    sql: `SELECT json_agg(json_build_object('oid', k.oid::bigint, 'relation', k.conrelid::bigint, 'name', k.conname,
  'kind', CASE k.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'p' THEN 'primary key'
    WHEN 'u' THEN 'unique' WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' ELSE 'trigger' END,
  'validated', k.convalidated, 'columns', coalesce(${numbers('k.conkey')}, '[]'), 'definition', pg_get_constraintdef(k.oid),
  'tree', k.conbin::text,
  'index', nullif(k.conindid, 0)::bigint, 'inherited', k.conparentid <> 0,
  'references', CASE WHEN k.contype = 'f' THEN json_build_object('relation', k.confrelid::bigint,
    'columns', ${numbers('k.confkey')}, 'onDelete', k.confdeltype, 'onUpdate', k.confupdtype,
    'onDeleteColumns', coalesce(${numbers('k.confdelsetcols')}, '[]')) END)
  ORDER BY n.nspname, c.relname, k.conname) AS answer
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE ${ownSchemas} AND ${ofNoExtension('pg_class', 'c.oid')}`,
  },
  functions: {
    what: 'functions',
    needs: ['pg_proc', 'pg_namespace', 'pg_language', 'pg_type'],
    essential: false,
    sql: `SELECT json_agg(json_build_object('oid', f.oid::bigint, 'schema', n.nspname, 'name', f.proname,
  'signature', format('%s.%s(%s)', '"' || replace(n.nspname, '"', '""') || '"', '"' || replace(f.proname, '"', '""') || '"',
    pg_get_function_identity_arguments(f.oid)),
  'kind', CASE f.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'window' END,
  'owner', f.proowner::bigint, 'language', l.lanname, 'securityDefiner', f.prosecdef, 'leakproof', f.proleakproof,
  'volatility', CASE f.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
  'returnsTrigger', f.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype),
  'settings', coalesce((
    SELECT json_object_agg(lower(split_part(s, '=', 1)), substr(s, strpos(s, '=') + 1)) FROM unnest(f.proconfig) s), '{}'),
  'acl', ${acl('f.proacl', 'f', 'f.proowner')}) ORDER BY n.nspname, f.proname, f.oid) AS answer
FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace JOIN pg_language l ON l.oid = f.prolang
WHERE ${ownSchemas} AND ${ofNoExtension('pg_proc', 'f.oid')}`,
  },
} as const satisfies Record<string, Part>

export type PartName = keyof typeof catalogParts

/** One implicit transaction: no BEGIN, so that after an error nothing is left open on a pool's connection. */
export function readOnly(statements: readonly string[]): string {
  return [
    'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY',
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)",
    // To compile a query over the catalog takes longer than to run it.
    "SELECT set_config('jit', 'off', true)",
    ...statements,
  ].join(';\n')
}

/** Of {@link referencedSql}: without it nobody knows what a policy's expression says. */
export const referencedNeeds: readonly CatalogTable[] = [
  'pg_proc',
  'pg_operator',
  'pg_type',
  'pg_amop',
  'pg_am',
  'pg_namespace',
]

/** What stands behind the numbers of functions, operators and types. */
export function referencedSql(numbersOf: Record<'functions' | 'operators' | 'types', ReadonlySet<number>>): string {
  const among = (oids: ReadonlySet<number>): string => `IN (${[0, ...oids].join(', ')})`
  return `SELECT json_build_object(
  'functions', (
    SELECT json_agg(json_build_object('oid', f.oid::bigint, 'schema', n.nspname, 'name', f.proname,
      'volatility', CASE f.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
      'leakproof', f.proleakproof, 'sql', format('%I.%I', n.nspname, f.proname),
      'returns', format_type(f.prorettype, NULL)))
    FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE f.oid ${among(numbersOf.functions)}),
  'operators', (
    SELECT json_agg(json_build_object('oid', o.oid::bigint, 'schema', n.nspname, 'name', o.oprname,
      'equality', EXISTS (SELECT FROM pg_amop a JOIN pg_am m ON m.oid = a.amopmethod
        WHERE a.amopopr = o.oid AND m.amname = 'btree' AND a.amopstrategy = 3),
      'leakproof', f.proleakproof))
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace JOIN pg_proc f ON f.oid = o.oprcode
    WHERE o.oid ${among(numbersOf.operators)}),
  'types', (
    SELECT json_agg(json_build_object('oid', t.oid::bigint, 'schema', n.nspname, 'name', t.typname,
      'sql', format_type(t.oid, NULL),
      'kind', CASE t.typtype WHEN 'b' THEN 'base' WHEN 'c' THEN 'composite' WHEN 'd' THEN 'domain' WHEN 'e' THEN 'enum'
        WHEN 'p' THEN 'pseudo' WHEN 'r' THEN 'range' ELSE 'multirange' END))
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid ${among(numbersOf.types)})) AS answer`
}
