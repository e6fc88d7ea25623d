// Proves that examples/existing-project/after is what the command makes of `before`, and that it works: existing rows get
// their company, each company then sees its own, and Prisma would change nothing of it.
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { ddlOf } from '../support/prisma-ddl.js'
import { ROLES } from '../support/template.js'
import { catalogText } from '../thirty-models/catalog-text.js'

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const BEFORE = at('examples/existing-project/before')
const AFTER = at('examples/existing-project/after')

const databases: TestDatabase[] = []
let made: string
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'tenancy-example-'))
  await cp(BEFORE, made, { recursive: true })
  const init = ['init', '--yes', '--tenant-model', 'Company', '--column', 'company_id']
  await tenancy(made, ...init, '--shared', 'Plan', '--add-column', 'Task')
  await tenancy(made, 'migration', '--name', 'tenancy', '--write')
})
afterAll(async () => {
  await rm(made, { recursive: true, force: true })
  await Promise.all(databases.map((database) => database.drop()))
})

test('the committed result is what the command writes', async () => {
  // The folder of a migration begins with the time at which it was made; a formatter may have been at the configuration.
  const untimed = (files: Map<string, string>) =>
    Object.fromEntries(
      [...files].map(([path, text]) => [
        path.replace(/\d{14}_tenancy/, 'tenancy'),
        path === 'tenancy.config.json' ? JSON.parse(text) : text,
      ]),
    )
  expect(untimed(await filesOf(AFTER))).toEqual(untimed(await filesOf(made)))
})

test('the command finds nothing more to write in it', async () => {
  const { stdout } = await tenancy(AFTER, 'plan', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ steps: [], schemaEdits: [] })
})

test('the migrations together are what Prisma makes of the edited schema', async () => {
  const migrated = await databaseOf(...(await migrations()))
  const text = await readFile(join(AFTER, 'prisma/schema.prisma'), 'utf8')
  const prismas = await databaseOf(await ddlOf([{ path: 'schema.prisma', text }]))
  expect(await catalogText(migrated.adminUrl)).toEqual(await catalogText(prismas.adminUrl))
})

test('rows that were there belong to their company, and each company sees its own', async () => {
  const [first = '', ...rest] = await migrations()
  const database = await databaseOf(first, ROWS, ...rest)
  expect(await titles(database, 'aaaaaaaa-0000-4000-8000-000000000001')).toEqual(['Paint'])
  expect(await titles(database, 'bbbbbbbb-0000-4000-8000-000000000002')).toEqual(['Bake'])
  expect(await titles(database, '')).toEqual([])
})

const ROWS = ['a', 'b']
  .map((letter, i) => {
    const id = `${letter.repeat(8)}-0000-4000-8000-00000000000${i + 1}`
    return `INSERT INTO plans VALUES ('${letter}', '${letter}');
      INSERT INTO companies VALUES ('${id}', '${letter}', '${letter}');
      INSERT INTO users VALUES ('${id}', '${id}', '${letter}@example.com', '${letter}');
      INSERT INTO projects VALUES ('${id}', '${id}', 'First', now());
      INSERT INTO tasks (project_id, title, assignee_id) VALUES ('${id}', '${i === 0 ? 'Paint' : 'Bake'}', '${id}');
      INSERT INTO tags (company_id, name) VALUES ('${id}', 'urgent');
      INSERT INTO "_TagToTask" SELECT max(g.id), max(t.id) FROM tags g, tasks t;`
  })
  .join('\n')

async function titles(database: TestDatabase, company: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.urlFor(ROLES.app, ROLES.app) })
  await client.connect()
  try {
    await client.query("SELECT set_config('app.tenant_id', $1, false)", [company])
    const { rows } = await client.query<{ title: string }>(
      'SELECT title FROM tasks t JOIN "_TagToTask" ON "B" = t.id JOIN tags g ON "A" = g.id',
    )
    return rows.map(({ title }) => title)
  } finally {
    await client.end()
  }
}

async function migrations(): Promise<string[]> {
  const folder = join(AFTER, 'prisma/migrations')
  const names = (await readdir(folder)).filter((name) => /^\d/.test(name)).sort()
  expect(names.map((name) => name.slice(15))).toEqual(['init', 'tenancy'])
  return Promise.all(names.map((name) => readFile(join(folder, name, 'migration.sql'), 'utf8')))
}

async function databaseOf(...scripts: string[]): Promise<TestDatabase> {
  const database = await (await startPostgres()).createDatabase()
  databases.push(database)
  for (const sql of scripts) await runSql(database.adminUrl, sql)
  return database
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return new Map(
    await Promise.all(
      paths.map(async (path) => [path.slice(folder.length + 1), await readFile(path, 'utf8')] as const),
    ),
  )
}

/** The command, in a project's folder, as a person runs it. */
function tenancy(cwd: string, ...args: string[]): Promise<{ stdout: string }> {
  const command = ['--import', import.meta.resolve('tsx'), at('src/cli/main.ts'), ...args]
  return promisify(execFile)(process.execPath, command, { cwd })
}
