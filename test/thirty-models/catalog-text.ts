// A database's tables as text, one line a thing, so that two databases can be compared and the difference read.
import pg from 'pg'

/**
 * All that Prisma would drop or change if its schema did not know it: tables, columns with type, nullability and default,
 * primary keys, unique constraints, indexes, foreign keys with their columns and actions, enums and views. Not what Prisma
 * does not look at: policies, triggers, roles, the order of columns, comments, statistics.
 */
export async function catalogText(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const lines: string[] = []
    for (const sql of QUERIES) lines.push(...(await client.query<{ line: string }>(sql)).rows.map(({ line }) => line))
    return lines.sort()
  } finally {
    await client.end()
  }
}

const SCHEMAS = `n.nspname IN ('public', 'billing') AND c.relname <> '_prisma_migrations'`

const QUERIES = [
  `SELECT 'column ' || c.oid::regclass::text || '.' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
     || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
     || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
     || CASE WHEN a.attidentity <> '' THEN ' IDENTITY ' || a.attidentity::text ELSE '' END
     || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END AS line
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
   JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND ${SCHEMAS}`,
  `SELECT 'constraint ' || c.oid::regclass::text || ' ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
     || CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END AS line
   FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND ${SCHEMAS}`,
  `SELECT 'index ' || pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' INVALID' END AS line
   FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE ${SCHEMAS}`,
  `SELECT 'enum ' || t.oid::regtype::text || ' ' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) AS line
   FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid GROUP BY t.oid`,
  `SELECT 'view ' || c.oid::regclass::text || ' ' || pg_get_viewdef(c.oid) AS line
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm') AND ${SCHEMAS}`,
  `SELECT 'schema ' || nspname AS line FROM pg_namespace WHERE nspname IN ('public', 'billing')`,
]
