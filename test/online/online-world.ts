// A database that has grown without tenants: companies, their projects, their tasks. And what the steps make of it.
import pg from 'pg'

import type { Step } from '../../src/migration/step.js'
import { type ApplyOnlineOptions, applyOnline } from '../../src/online/apply-online.js'
import { runSql, startPostgres, type TestServer } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { fixtureSteps } from './fixture-steps.js'

export interface OnlineWorld {
  readonly ownerUrl: string
  readonly appUrl: string
  readonly adminUrl: string
  drop(): Promise<void>
}

/**
 * `mark` repeats the tenant in a column that the steps know nothing of: with it a test can tell whose row it was given.
 * Titles repeat from tenant to tenant.
 */
const schema = `
  CREATE TABLE companies (id uuid PRIMARY KEY, name text NOT NULL);
  CREATE TABLE projects (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    company_id uuid NOT NULL REFERENCES companies,
    name text NOT NULL
  );
  CREATE TABLE tasks (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL,
    mark uuid NOT NULL,
    title text NOT NULL,
    done boolean NOT NULL DEFAULT false,
    CONSTRAINT tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects ON DELETE CASCADE
  );
  CREATE INDEX projects_company_id_idx ON projects (company_id);
  CREATE INDEX tasks_project_id_idx ON tasks (project_id);
  CREATE INDEX tasks_title_idx ON tasks (title);
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${ROLES.app};`

export async function createOnlineWorld(
  options: { readonly tasks?: number; readonly server?: TestServer } = {},
): Promise<OnlineWorld> {
  const { tasks = 200 } = options
  const server = options.server ?? (await startPostgres())
  const database = await server.createDatabase()
  await runSql(server.adminUrl, `ALTER DATABASE ${database.name} OWNER TO ${ROLES.owner}`)
  await runSql(database.adminUrl, `ALTER SCHEMA public OWNER TO ${ROLES.owner}`)
  const ownerUrl = database.urlFor(ROLES.owner, ROLES.owner)
  await runSql(ownerUrl, schema)
  const companies = Math.min(1_000, Math.ceil(tasks / 20))
  const projects = Math.max(companies, Math.ceil(tasks / 20))
  await runSql(
    ownerUrl,
    `INSERT INTO companies SELECT gen_random_uuid(), 'Company ' || n FROM generate_series(1, ${companies}) AS n;
     INSERT INTO projects (company_id, name)
       SELECT company.id, 'Project ' || n FROM generate_series(1, ${projects}) AS n
       JOIN (SELECT id, row_number() OVER () AS number FROM companies) AS company ON company.number = 1 + n % ${companies};
     INSERT INTO tasks (project_id, mark, title)
       SELECT project.id, project.company_id, 'Task ' || (n / ${companies}) % 40 FROM generate_series(1, ${tasks}) AS n
       JOIN (SELECT id, company_id, row_number() OVER () AS number FROM projects) AS project
         ON project.number = 1 + n % ${projects};
     ANALYZE companies, projects, tasks`,
  )
  return {
    ownerUrl,
    appUrl: database.urlFor(ROLES.app, ROLES.app),
    adminUrl: database.adminUrl,
    drop: database.drop,
  }
}

export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

export function apply(
  world: Pick<OnlineWorld, 'ownerUrl'>,
  options: ApplyOnlineOptions = {},
  steps: readonly Step[] = fixtureSteps,
): ReturnType<typeof applyOnline> {
  return applyOnline(() => connect(world.ownerUrl), steps, options)
}

/** Everything that the steps could have left behind, as text. */
export async function catalog(world: Pick<OnlineWorld, 'adminUrl'>): Promise<string[]> {
  const rows = await runSql<{ line: string }>(
    world.adminUrl,
    `WITH tables AS (SELECT oid, relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)
     SELECT format('column %s.%s %s%s %s', relname, attname, format_type(atttypid, atttypmod),
       CASE WHEN attnotnull THEN ' not null' END, pg_get_expr(adbin, adrelid)) AS line
     FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
     LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     UNION ALL
     SELECT format('constraint %s %s %s %s', relname, conname, pg_get_constraintdef(pg_constraint.oid),
       CASE WHEN convalidated THEN 'valid' ELSE 'not valid' END)
     FROM tables JOIN pg_constraint ON conrelid = tables.oid WHERE contype <> 'n'
     UNION ALL
     SELECT format('index %s %s', pg_get_indexdef(indexrelid), CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END)
     FROM tables JOIN pg_index ON indrelid = oid
     UNION ALL
     SELECT format('policy %s %s %s', tablename, policyname, qual) FROM pg_policies
     UNION ALL
     SELECT format('security %s %s %s', relname, relrowsecurity, relforcerowsecurity) FROM pg_class
     WHERE oid IN (SELECT oid FROM tables)
     ORDER BY 1`,
  )
  return rows.map(({ line }) => line)
}

/** Rows whose tenant is missing, or is not the one they belong to. */
export async function strayRows(world: Pick<OnlineWorld, 'adminUrl'>): Promise<{ projects: number; tasks: number }> {
  const [counts] = await runSql<{ projects: number; tasks: number }>(
    world.adminUrl,
    `SELECT (SELECT count(*)::int FROM projects WHERE tenant_id IS DISTINCT FROM company_id) AS projects,
            (SELECT count(*)::int FROM tasks WHERE tenant_id IS DISTINCT FROM mark) AS tasks`,
  )
  if (counts === undefined) throw new Error('A query without FROM gives a row.')
  return counts
}
