// What a database is made of, in one query: two states are the same exactly if their lines are.
import type { Client } from 'pg'

/**
 * One line an object, sorted. Access lists are spelled out, the defaults that PostgreSQL leaves unwritten included, and
 * object ids and dropped columns left out, so that only what somebody could notice makes a difference. Roles belong to the
 * whole server: `roles` is the LIKE pattern of those that count.
 */
export async function catalogOf(client: Client, roles: string): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(catalog, [roles])
  return rows.map(({ line }) => line).sort()
}

/** Who may do what, `grantor` included: a right granted twice by two roles is two rights. */
const rights = (acl: string, kind: string, owner: string): string => `(
  SELECT jsonb_agg(concat_ws(' ', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type,
           CASE WHEN is_grantable THEN 'WITH GRANT OPTION' END, 'by ' || grantor::regrole) ORDER BY 1)
  FROM (SELECT * FROM aclexplode(coalesce(${acl}, acldefault('${kind}', ${owner}))) ORDER BY grantee, privilege_type, grantor) AS right_
)`

const catalog = `
WITH spaces AS (
  SELECT * FROM pg_namespace WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_%'
), relations AS (
  SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN spaces ON spaces.oid = relnamespace
), objects(kind, name, detail) AS (
  SELECT 'database', '', jsonb_build_object('owner', datdba::regrole, 'rights', ${rights('datacl', 'd', 'datdba')})
  FROM pg_database WHERE datname = current_database()
  UNION ALL
  SELECT 'schema', nspname, jsonb_build_object('owner', nspowner::regrole, 'rights', ${rights('nspacl', 'n', 'nspowner')})
  FROM spaces
  UNION ALL
  SELECT 'relation', name, jsonb_build_object('kind', relkind, 'owner', relowner::regrole, 'options', reloptions,
    'rls', relrowsecurity, 'forced', relforcerowsecurity, 'identity', relreplident, 'rights', CASE
      WHEN relkind = 'S' THEN ${rights('relacl', 's', 'relowner')}
      WHEN relkind NOT IN ('i', 'I') THEN ${rights('relacl', 'r', 'relowner')} END,
    'view', CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END)
  FROM relations
  UNION ALL
  SELECT 'column', name || '.' || attname, jsonb_build_object('type', format_type(atttypid, atttypmod),
    'not null', attnotnull, 'default', pg_get_expr(adbin, adrelid), 'identity', attidentity, 'generated', attgenerated,
    'collation', attcollation, 'rights', ${rights('attacl', 'c', 'relowner')})
  FROM relations JOIN pg_attribute ON attrelid = relations.oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  WHERE attnum > 0 AND NOT attisdropped AND relkind NOT IN ('i', 'I')
  UNION ALL
  SELECT 'constraint', name || ' ' || conname, jsonb_build_object('type', contype, 'is', pg_get_constraintdef(c.oid),
    'valid', convalidated, 'index', conindid::regclass)
  FROM relations JOIN pg_constraint c ON conrelid = relations.oid
  UNION ALL
  SELECT 'index', name, jsonb_build_object('is', pg_get_indexdef(indexrelid), 'valid', indisvalid, 'ready', indisready,
    'primary', indisprimary, 'clustered', indisclustered, 'identity', indisreplident)
  FROM relations JOIN pg_index ON indexrelid = relations.oid
  UNION ALL
  SELECT 'sequence', name, to_jsonb(s) - 'seqrelid' FROM relations JOIN pg_sequence s ON seqrelid = relations.oid
  UNION ALL
  SELECT 'policy', name || ' ' || polname, jsonb_build_object('for', polcmd, 'permissive', polpermissive,
    'to', ARRAY(SELECT CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END FROM unnest(polroles) r ORDER BY 1),
    'using', pg_get_expr(polqual, polrelid), 'check', pg_get_expr(polwithcheck, polrelid))
  FROM relations JOIN pg_policy ON polrelid = relations.oid
  UNION ALL
  SELECT 'trigger', name || ' ' || tgname, jsonb_build_object('is', pg_get_triggerdef(t.oid), 'enabled', tgenabled)
  FROM relations JOIN pg_trigger t ON tgrelid = relations.oid WHERE NOT tgisinternal
  UNION ALL
  SELECT 'function', p.oid::regprocedure::text, jsonb_build_object('is', pg_get_functiondef(p.oid), 'owner', proowner::regrole,
    'rights', ${rights('proacl', 'f', 'proowner')})
  FROM pg_proc p JOIN spaces ON spaces.oid = pronamespace WHERE prokind <> 'a'
  UNION ALL
  SELECT 'statistics', oid::regprocedure::text, ${rights('proacl', 'f', 'proowner')}
  FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname LIKE 'pg\\_stat\\_%'
  UNION ALL
  SELECT 'type', t.oid::regtype::text, jsonb_build_object('owner', typowner::regrole, 'kind', typtype,
    'rights', ${rights('typacl', 'T', 'typowner')})
  FROM pg_type t JOIN spaces ON spaces.oid = typnamespace
  UNION ALL
  SELECT 'default rights', concat_ws(' ', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype),
    ${rights('defaclacl', 'r', 'defaclrole')}
  FROM pg_default_acl
  UNION ALL
  SELECT 'role', rolname, to_jsonb(r) - 'oid' - 'rolpassword' || jsonb_build_object(
    'comment', shobj_description(r.oid, 'pg_authid'), 'settings', (SELECT jsonb_agg(setconfig) FROM pg_db_role_setting
      WHERE setrole = r.oid AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))))
  FROM pg_roles r WHERE rolname LIKE $1
  UNION ALL
  SELECT 'member', concat_ws(' ', member::regrole, 'of', roleid::regrole, 'by', grantor::regrole),
    to_jsonb(m) - 'oid' - 'member' - 'roleid' - 'grantor'
  FROM pg_auth_members m WHERE member::regrole::text LIKE '%' || $1 OR roleid::regrole::text LIKE '%' || $1
)
SELECT concat(kind, ' ', name, ': ', detail) AS line FROM objects`
