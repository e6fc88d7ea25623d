import { TenancyError } from '../errors.js'
import type { TestedClient } from './client.js'

/** What the database knows and Prisma's runtime model does not. Names are as they stand in the catalog, unquoted. */
export interface Catalog {
  readonly role: { readonly name: string; readonly superuser: boolean; readonly bypass: boolean }
  /** The schema that a name without one is looked up in. */
  readonly schema: string
  readonly tables: readonly Table[]
}

export interface Table {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'view' | 'materialized view'
  readonly rls: boolean
  readonly forced: boolean
  /** The role owns it, or is a member of its owner. */
  readonly owned: boolean
  /** A view that is read as its reader. */
  readonly invoker: boolean
  readonly may: Readonly<Record<'select' | 'insert' | 'update' | 'delete' | 'truncate', boolean>>
  readonly columns: readonly Column[]
  readonly primaryKey: readonly string[]
  readonly uniques: readonly Unique[]
  readonly foreignKeys: readonly ForeignKey[]
  readonly checks: readonly Check[]
}

export interface Column {
  readonly name: string
  /** As `format_type` spells it: `character varying(20)`. */
  readonly type: string
  /** The same beneath a domain. */
  readonly base: string
  /** pg_type.typcategory of the base type: https://www.postgresql.org/docs/current/catalog-pg-type.html */
  readonly category: string
  readonly required: boolean
  readonly default: string | null
  readonly generated: boolean
  readonly identity: boolean
  /** Labels of an enum. */
  readonly labels: readonly string[] | null
}

export interface Unique {
  readonly name: string
  readonly primary: boolean
  /** In the order of the index; those of its expressions and its condition last. */
  readonly columns: readonly string[]
  /** Columns alone: no expression, no condition. */
  readonly plain: boolean
}

export interface ForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  readonly parent: number
  readonly parentColumns: readonly string[]
  readonly onDelete: 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'
}

export interface Check {
  readonly name: string
  readonly expression: string
  readonly columns: readonly string[]
}

/** Reads the catalog through the client's own raw queries: one query. */
export async function readCatalog(client: TestedClient): Promise<Catalog> {
  const rows = await client.$queryRawUnsafe<{ catalog?: string }[]>(CATALOG)
  const text = Array.isArray(rows) ? rows[0]?.catalog : undefined
  if (typeof text !== 'string') {
    throw new TenancyError('ISOLATION.UNPROVEN', 'The client answers a raw query with something that is not rows.', {
      hint: 'Let prisma.$queryRawUnsafe answer as Prisma does: the kit reads the catalog through it.',
    })
  }
  return JSON.parse(text) as Catalog
}

// Partitions are reached through the table that they are partitions of; what an extension made is not the project's.
const CATALOG = `
WITH tables AS (
  SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.reloptions, n.nspname
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relname <> '_prisma_migrations'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), columns AS (
  SELECT a.attrelid, json_agg(json_build_object(
      'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'base', CASE WHEN y.typtype = 'd' THEN pg_catalog.format_type(y.typbasetype, y.typtypmod) ELSE pg_catalog.format_type(a.atttypid, a.atttypmod) END,
      'category', y.typcategory, 'required', a.attnotnull OR y.typnotnull,
      'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid), 'generated', a.attgenerated <> '', 'identity', a.attidentity <> '',
      'labels', (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = coalesce(nullif(y.typbasetype, 0), y.oid))
    ) ORDER BY a.attnum) AS list
  FROM tables t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid
), uniques AS (
  SELECT i.indrelid, json_agg(json_build_object('name', x.relname, 'primary', i.indisprimary,
      'plain', i.indexprs IS NULL AND i.indpred IS NULL,
      'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM (
          SELECT attnum, min(n) AS n FROM (
            SELECT attnum, n FROM unnest(i.indkey::int[]) WITH ORDINALITY u(attnum, n) WHERE n <= i.indnkeyatts
            UNION ALL SELECT d.refobjsubid, 1000 FROM pg_catalog.pg_depend d
              WHERE (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL) AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
                AND d.refobjid = i.indrelid AND d.refobjsubid > 0) both_kinds GROUP BY attnum) k
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum)) ORDER BY x.relname) AS list
  FROM tables t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
  WHERE i.indisunique AND i.indisvalid GROUP BY i.indrelid
), keys AS (
  SELECT f.conrelid, json_agg(json_build_object('name', f.conname, 'parent', f.confrelid::int8,
      'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
      'parentColumns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY k(attnum, n)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum),
      'onDelete', CASE f.confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default' ELSE 'no action' END
    ) ORDER BY f.conname) AS list
  FROM tables t JOIN pg_catalog.pg_constraint f ON f.conrelid = t.oid WHERE f.contype = 'f' AND f.conparentid = 0 GROUP BY f.conrelid
), checks AS (
  SELECT f.conrelid, json_agg(json_build_object('name', f.conname, 'expression', pg_catalog.pg_get_expr(f.conbin, f.conrelid),
      'columns', coalesce((SELECT json_agg(a.attname) FROM pg_catalog.pg_attribute a WHERE a.attrelid = f.conrelid AND a.attnum = ANY (f.conkey)), '[]')
    ) ORDER BY f.conname) AS list
  FROM tables t JOIN pg_catalog.pg_constraint f ON f.conrelid = t.oid WHERE f.contype = 'c' GROUP BY f.conrelid
)
SELECT json_build_object(
  'role', (SELECT json_build_object('name', rolname, 'superuser', rolsuper, 'bypass', rolbypassrls) FROM pg_catalog.pg_roles WHERE rolname = current_user),
  'schema', coalesce(current_schema(), 'public'),
  'tables', coalesce((SELECT json_agg(json_build_object(
      'oid', t.oid::int8, 'schema', t.nspname, 'name', t.relname,
      'kind', CASE t.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END,
      'rls', t.relrowsecurity, 'forced', t.relforcerowsecurity, 'owned', pg_catalog.pg_has_role(t.relowner, 'USAGE'),
      'invoker', coalesce('security_invoker=true' = ANY (t.reloptions) OR 'security_invoker=on' = ANY (t.reloptions), false),
      'may', json_build_object(
        'select', pg_catalog.has_table_privilege(t.oid, 'SELECT'), 'insert', pg_catalog.has_table_privilege(t.oid, 'INSERT'),
        'update', pg_catalog.has_table_privilege(t.oid, 'UPDATE'), 'delete', pg_catalog.has_table_privilege(t.oid, 'DELETE'),
        'truncate', pg_catalog.has_table_privilege(t.oid, 'TRUNCATE')),
      'columns', coalesce(c.list, '[]'), 'uniques', coalesce(u.list, '[]'), 'foreignKeys', coalesce(k.list, '[]'), 'checks', coalesce(h.list, '[]'),
      'primaryKey', coalesce((SELECT json_agg(a.attname ORDER BY p.n) FROM pg_catalog.pg_index i, unnest(i.indkey::int[]) WITH ORDINALITY p(attnum, n), pg_catalog.pg_attribute a
        WHERE i.indrelid = t.oid AND i.indisprimary AND p.n <= i.indnkeyatts AND a.attrelid = t.oid AND a.attnum = p.attnum), '[]')
    ) ORDER BY t.nspname, t.relname)
    FROM tables t LEFT JOIN columns c ON c.attrelid = t.oid LEFT JOIN uniques u ON u.indrelid = t.oid
      LEFT JOIN keys k ON k.conrelid = t.oid LEFT JOIN checks h ON h.conrelid = t.oid), '[]')
)::text AS catalog`
