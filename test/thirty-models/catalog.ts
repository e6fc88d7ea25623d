// What a database's own catalog says about its tables: the ground on which rows are made, attacked and compared.
import { runSql } from '../support/postgres.js'

export interface Table {
  /** `schema.table`, for titles and for looking it up. */
  readonly name: string
  /** Quoted, for SQL. */
  readonly sql: string
  readonly columns: readonly Column[]
  readonly primaryKey: readonly string[]
  readonly uniques: readonly Unique[]
  readonly foreignKeys: readonly ForeignKey[]
}

export interface Column {
  readonly name: string
  /** As `format_type` spells it: `character varying(20)`. */
  readonly type: string
  readonly required: boolean
  readonly default: string | null
  /** Labels of an enum. */
  readonly labels: readonly string[] | null
}

export interface Unique {
  readonly name: string
  readonly columns: readonly string[]
  readonly primary: boolean
}

export interface ForeignKey {
  readonly name: string
  readonly columns: readonly string[]
  /** The parent's `schema.table`. */
  readonly parent: string
  readonly parentColumns: readonly string[]
}

/** Every table of the database but Prisma's own record and what the library keeps, by name, parents before children. */
export async function readTables(url: string): Promise<Table[]> {
  const rows = await runSql<{ table: Table }>(url, TABLES)
  return parentsFirst(rows.map(({ table }) => table))
}

const TABLES = `
SELECT json_build_object(
  'name', n.nspname || '.' || c.relname,
  'sql', quote_ident(n.nspname) || '.' || quote_ident(c.relname),
  'columns', (
    SELECT json_agg(json_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'required', a.attnotnull,
        'default', pg_get_expr(d.adbin, d.adrelid),
        'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = a.atttypid)
      ) ORDER BY a.attnum)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'primaryKey', coalesce((
    SELECT json_agg(a.attname ORDER BY k.n)
    FROM pg_index i, unnest(i.indkey::int[]) WITH ORDINALITY k(attnum, n), pg_attribute a
    WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.attnum), '[]'),
  'uniques', coalesce((
    SELECT json_agg(json_build_object('name', x.relname, 'primary', i.indisprimary, 'columns', (
        SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(i.indkey::int[]) WITH ORDINALITY k(attnum, n), pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum = k.attnum)) ORDER BY x.relname)
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisunique), '[]'),
  'foreignKeys', coalesce((
    SELECT json_agg(json_build_object('name', f.conname, 'parent', pn.nspname || '.' || p.relname,
        'columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY k(attnum, n), pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum = k.attnum),
        'parentColumns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY k(attnum, n), pg_attribute a
          WHERE a.attrelid = p.oid AND a.attnum = k.attnum)) ORDER BY f.conname)
    FROM pg_constraint f JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE f.conrelid = c.oid AND f.contype = 'f'), '[]')
) AS table
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'tenancy')
  AND c.relname <> '_prisma_migrations'
ORDER BY n.nspname, c.relname`

function parentsFirst(tables: readonly Table[]): Table[] {
  const sorted: Table[] = []
  const visit = (table: Table): void => {
    if (sorted.includes(table)) return
    for (const { parent } of table.foreignKeys) {
      const found = tables.find(({ name }) => name === parent)
      if (found && found !== table) visit(found)
    }
    sorted.push(table)
  }
  tables.forEach(visit)
  return sorted
}
