// Policies as people write them, for the fixtures of rules about policies.
import type { NearMiss } from './rule-fixture.js'
import { a } from './world.js'

/** The tenant in scope, as text. */
export const tenant = "nullif(current_setting('app.tenant_id', true), '')"

/** What the world's own policies ask. */
export const ownRows = `tenant_id = ${tenant}::uuid`

interface PlantedPolicy {
  readonly table?: string
  readonly name?: string
  /** `FOR SELECT TO doctor_app`, `AS RESTRICTIVE`. */
  readonly clauses?: string
  readonly using?: string
  readonly check?: string
}

/** Puts a policy in the place of the world's; under another name, beside it. */
export function plant({
  table = 'projects',
  name = 'tenant_isolation',
  clauses = '',
  using,
  check,
}: PlantedPolicy): string {
  const conditions = [...(using ? [`USING (${using})`] : []), ...(check ? [`WITH CHECK (${check})`] : [])]
  return `DROP POLICY IF EXISTS ${name} ON ${table}; CREATE POLICY ${name} ON ${table} ${clauses} ${conditions.join(' ')};`
}

/** `OR`, `coalesce` and `true` where they are no part of what a condition on projects asks. */
export function decoys(condition: string, planted: (expression: string) => string): NearMiss[] {
  const names = `ALTER TABLE projects ADD COLUMN "OR true" boolean, ADD COLUMN "coalesce(x, true)" boolean;`
  return [
    {
      name: 'OR, coalesce and true in a text',
      sql: planted(`${condition} AND name <> ' OR true -- coalesce(x, true) IS NULL'`),
    },
    {
      name: 'OR, coalesce and true in the names of columns',
      sql: `${names} ${planted(`${condition} AND ("OR true" OR NOT "coalesce(x, true)")`)}`,
    },
    {
      name: 'OR, coalesce and true in comments',
      sql: planted(`${condition} /* OR true, coalesce(tenant_id = NULL, true) */ -- OR tenant_id IS NULL\n`),
    },
  ]
}

/** A table without the tenant column, with row-level security and one row of tenant A and one of B. */
export function notes(using?: string): string {
  return `CREATE TABLE notes (id int PRIMARY KEY, task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE, draft boolean);
    CREATE INDEX ON notes (task_id);
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY;
    INSERT INTO notes VALUES (1, 'a1000000-0000-4000-8000-000000000001', true), (2, 'b1000000-0000-4000-8000-000000000001', true);
    GRANT SELECT ON notes TO doctor_app;
    ${using === undefined ? '' : plant({ table: 'notes', name: 'through_task', using })}`
}

/** Are there rows of tenant A, where B is in scope? */
export function showsOthers(rows: readonly Record<string, unknown>[]): boolean {
  return rows.some(({ tenant_id, id }) => tenant_id === a || id === 1)
}

/** Did the statement go through at all? */
export function goesThrough(rows: readonly Record<string, unknown>[]): boolean {
  return rows.length > 0 && !rows.some(({ failed }) => failed !== undefined)
}
