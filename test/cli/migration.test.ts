// Proves the way from a schema to a protected database: what `plan` prints `migration` writes, once; Prisma's own engine
// and `apply --online` reach the same end and know of each other; then nothing is left to do.

import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prismaMigrate } from '../online/prisma-migrate.js'
import { runSql } from '../support/postgres.js'
import { ddlOf } from '../support/prisma-ddl.js'
import { buildCommand, type TestProject } from './command.js'
import { A, B, configOf, type Example, newExample, SCHEMA } from './example-project.js'

beforeAll(() => buildCommand())

async function migrationOf(project: TestProject): Promise<{ name: string; sql: string; down: string }> {
  const path = Object.keys(await project.files()).find((each) => each.endsWith('migration.sql')) ?? ''
  const folder = path.slice(0, -'/migration.sql'.length)
  return {
    name: folder.split('/').at(-1) ?? '',
    sql: await project.read(path),
    down: await project.read(`${folder}/down.sql`),
  }
}

describe('a new migration', () => {
  let example: Example
  let project: TestProject
  beforeAll(async () => {
    example = await newExample()
    project = example.project
  })
  afterAll(() => example.close())

  test('is printed by plan, which writes nothing and exits with 1', async () => {
    const before = await project.files()
    const { code, stdout, stderr } = await project.run('plan')
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toContain('CREATE POLICY "tenant_isolation" ON "tasks"')
    expect(stdout).toContain('-- comments.task_id → tasks.company_id')
    expect(stdout).toContain('+  @@unique([companyId, key])')
    expect(stdout).toContain('Project: "projects" (id)')
    expect(stdout).toContain('1 schema file to edit: tenancy migration --write')
    expect(await project.files()).toEqual(before)
  })

  test('is the same as an object', async () => {
    const { code, stdout } = await project.run('plan', '--json')
    expect(code).toBe(1)
    const plan = JSON.parse(stdout)
    expect(plan).toMatchObject({
      left: true,
      views: [],
      surrogateKeys: [{ model: 'Project' }, { model: 'Task' }, { model: 'Comment' }],
    })
    expect(plan.steps.map(({ title }: { title: string }) => title)).toContain('Policy of Comment')
    expect(plan.schemaEdits).toEqual([
      { path: 'prisma/schema.prisma', diff: expect.stringContaining('+++ b/prisma/schema.prisma') },
    ])
  })

  test('is written without the schema first, whose edit is printed', async () => {
    const planned = (await project.run('plan')).stdout
    const { code, stdout } = await project.run('migration')
    expect(code).toBe(0)
    expect(stdout).toContain('--write makes this edit:')
    expect(stdout).toContain('+  @@unique([companyId, key])')
    expect(await project.read('prisma/schema.prisma')).toBe(SCHEMA)
    const { name, sql, down } = await migrationOf(project)
    expect(name).toMatch(/^\d{14}_tenancy$/)
    expect(planned).toContain(sql)
    expect(down).toContain('DROP POLICY IF EXISTS "tenant_isolation" ON "tasks"')
    expect(await project.read('prisma/migrations/migration_lock.toml')).toContain('provider = "postgresql"')
  })

  test('is written once; then only the schema is left, and then nothing', async () => {
    const edited = await project.run('migration', '--write')
    expect(edited).toMatchObject({ code: 0, stdout: 'Edited prisma/schema.prisma.\n' })
    expect(edited.stderr).toContain('npx prisma generate')
    const files = await project.files()
    const again = await project.run('migration', '--write')
    expect(again.stdout).toBe('Nothing is missing: the migrations and the schema say it all.\n')
    expect(await project.files()).toEqual(files)
    expect(await project.run('plan')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Nothing is left to do.'),
    })
  })

  test('waits to be applied, which plan says of a database', async () => {
    const { code, stdout } = await project.run('plan', '--url', example.url)
    expect(code).toBe(1)
    expect(stdout).toMatch(/Not applied to the database yet:\n {2}\d{14}_tenancy/)
    expect(stdout).toContain('tenancy apply --online, or prisma migrate deploy')
  })

  test('is not applied without being told which way', async () => {
    const { code, stderr } = await project.run('apply', '--url', example.url)
    expect(code).toBe(2)
    expect(stderr).toContain('npx prisma migrate deploy')
    expect(stderr).toContain('tenancy apply --online')
  })

  test('is applied online with progress, and recorded so that prisma migrate deploy passes it over', async () => {
    const { code, stdout, stderr } = await project.run('apply', '--online', '--url', example.url)
    expect({ code, stderr }).toMatchObject({ code: 0 })
    expect(stdout).toMatch(/^Applied \d{14}_tenancy: 14 steps done.* It is recorded/)
    expect(stderr).toContain('[14/14] Policy of Comment')
    const { name, sql } = await migrationOf(project)
    expect(await prismaMigrate(example.url).deploy([{ name, sql }])).toEqual([])
    const again = await project.run('apply', '--online', '--url', example.url, '--json')
    expect(JSON.parse(again.stdout)).toEqual({ applied: [] })
  })

  test('leaves nothing to do, and each tenant its own rows', async () => {
    const { code, stdout } = await project.run('plan', '--url', example.url)
    expect(stdout).toContain('Nothing is left to do.')
    expect(code).toBe(0)
    for (const tenant of [A, B]) {
      const client = `SELECT set_config('app.tenant_id', '${tenant}', false)`
      expect(await runSql(example.url, 'SELECT count(*)::int FROM tasks')).toEqual([{ count: 4 }])
      const rows = await asApp(example, client, 'SELECT DISTINCT company_id FROM tasks')
      expect(rows).toEqual([{ company_id: tenant }])
    }
  })

  test('warns a login that would touch no rows', async () => {
    const { url, roles, database } = example
    await runSql(url, `ALTER ROLE ${roles.app} PASSWORD 'app'; ALTER ROLE ${roles.migrator} PASSWORD 'migrator'`)
    const bound = await project.run('plan', '--url', database.urlFor(roles.app, 'app'))
    expect(bound.stderr).toContain('touch no rows')
    expect(bound.stderr).toContain(`DATABASE_URL=postgresql://${roles.migrator}@`)
    const migrator = await project.run('plan', '--url', database.urlFor(roles.migrator, 'migrator'))
    expect(migrator.stderr).toBe('')
  })

  test('that was undone in part is found and written again', async () => {
    await runSql(example.url, 'DROP POLICY tenant_isolation ON tasks')
    const { code, stdout } = await project.run('plan', '--url', example.url)
    expect(code).toBe(1)
    expect(stdout).toContain('1 step to write')
    const repaired = await project.run('migration', '--name', 'repair', '--url', example.url)
    expect(repaired.stdout).toMatch(/_repair\/migration.sql with 1 step,/)
    expect(await project.run('apply', '--online', '--url', example.url)).toMatchObject({ code: 0 })
    expect(await project.run('plan', '--url', example.url)).toMatchObject({ code: 0 })
  })

  test('of a later model has only what is new', async () => {
    const schema = await project.read('prisma/schema.prisma')
    const note = `model Note {\n  id        Int    @id @default(autoincrement())\n  companyId String @map("company_id") @db.Uuid\n  text      String\n\n  @@map("notes")\n}\n`
    await project.write('prisma/schema.prisma', `${schema}\n${note}`)
    const { stdout } = await project.run('migration', '--write', '--json', '--name', 'notes')
    const { steps } = JSON.parse(stdout)
    expect(steps.map(({ title }: { title: string }) => title)).toEqual([
      'Default of the tenant column of Note',
      expect.stringContaining('Index notes_company_id_id_idx'),
      'Policy of Note',
    ])
  })
})

test('DATABASE_URL names the database where --url has no value', async () => {
  const example = await newExample()
  try {
    const { stdout, code } = await example.project.runWith({ DATABASE_URL: example.url }, 'plan', '--json', '--url')
    expect(code).toBe(1)
    expect(JSON.parse(stdout).database.missing.length).toBeGreaterThan(10)
    const offline = await example.project.runWith(
      { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/x' },
      'plan',
      '--json',
    )
    expect(JSON.parse(offline.stdout).database).toBeUndefined()
  } finally {
    await example.close()
  }
})

test("Prisma's own deploy of migration.sql leaves nothing to do either", async () => {
  const example = await newExample()
  try {
    const { project, url } = example
    await project.run('migration', '--write')
    const { name, sql } = await migrationOf(project)
    // Prisma deploys onto tables that it has not made only where a migration says that they are there.
    const init = { name: '20200101000000_init', sql: await ddlOf([{ path: 'schema.prisma', text: SCHEMA }]) }
    const prisma = prismaMigrate(url)
    await prisma.resolveApplied(init.name, [init])
    expect(await prisma.deploy([init, { name, sql }])).toEqual([name])
    expect(await project.run('plan', '--url', url)).toMatchObject({ code: 0 })
  } finally {
    await example.close()
  }
})

describe('apply --online', () => {
  let example: Example
  beforeAll(async () => {
    example = await newExample()
    await example.project.run('migration', '--write')
  })
  afterAll(() => example.close())

  test('applies no migration out of its turn', async () => {
    const { project, url } = example
    await project.write('prisma/migrations/20200101000000_init/migration.sql', 'SELECT 1;\n')
    const { code, stderr } = await project.run('apply', '--online', '--url', url)
    expect(code).toBe(2)
    expect(stderr).toContain('20200101000000_init comes first')
    expect(stderr).toContain('npx prisma migrate resolve --applied 20200101000000_init')
    await prismaMigrate(url).resolveApplied('20200101000000_init', [
      { name: '20200101000000_init', sql: 'SELECT 1;\n' },
    ])
  })

  test('refuses a migration.sql that is no longer what was planned', async () => {
    const { project, url } = example
    const path = Object.keys(await project.files()).find((each) => each.includes('_tenancy/migration.sql')) as string
    const written = await project.read(path)
    await project.write(path, `${written}\nSELECT 1;\n`)
    const { code, stderr } = await project.run('apply', '--online', '--url', url)
    expect(code).toBe(2)
    expect(stderr).toContain('was changed')
    expect(stderr).toContain('npx prisma migrate deploy')
    // Git may change line breaks, which change nothing.
    await project.write(path, written.replaceAll('\n', '\r\n'))
    expect((await project.run('plan', '--url', url)).stdout).toContain('Not applied')
    await project.write(path, written)
  })

  test('stops at Ctrl+C after the statement under way, says how to go on, and goes on', async () => {
    const { project, url } = example
    // Somebody reads a table and does not end the transaction, so that the run has to wait.
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    await holder.query('BEGIN; SELECT FROM tasks')
    const child = await project.start({}, 'apply', '--online', '--url', url, '--lock-timeout', '200')
    let stderr = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      const waited = stderr.includes('waiting for a lock')
      stderr += text
      // Once: a second one ends it on the spot.
      if (!waited && stderr.includes('waiting for a lock')) child.kill('SIGINT')
    })
    const code = await new Promise((resolve) => child.on('close', resolve))
    await holder.query('ROLLBACK')
    await holder.end()
    expect(stderr).toContain('Stopped, as you asked.')
    expect(stderr).toContain('type the same again: tenancy apply --online')
    expect(code).toBe(2)
    const { stdout, ...rest } = await project.run('apply', '--online', '--url', url)
    expect(rest).toMatchObject({ code: 0 })
    expect(stdout).toContain('there already')
    expect(await project.run('plan', '--url', url)).toMatchObject({ code: 0 })
  })
})

test('a view that runs as its owner is found in the database, until it asks as its reader', async () => {
  const example = await newExample()
  try {
    const { project, url } = example
    const view = `\nview TaskTitle {\n  id    String @unique @db.Uuid\n  title String\n\n  @@map("task_titles")\n}\n`
    const schema = SCHEMA.replace(
      'provider = "prisma-client"',
      'provider = "prisma-client"\n  previewFeatures = ["views"]',
    )
    await project.write('prisma/schema.prisma', schema + view)
    await runSql(url, 'CREATE VIEW task_titles AS SELECT id, title FROM tasks')
    await project.run('migration', '--write')
    expect((await project.run('apply', '--online', '--url', url)).stderr).not.toContain('error')
    const open = await project.run('plan', '--url', url)
    expect(open.stdout).toContain('ALTER VIEW "task_titles" SET (security_invoker = true);')
    expect(open.code).toBe(1)
    await runSql(url, 'ALTER VIEW "task_titles" SET (security_invoker = true)')
    expect(await project.run('plan', '--url', url)).toMatchObject({ code: 0 })
  } finally {
    await example.close()
  }
})

test('a migration that cannot be written leaves the schema as it was', async () => {
  const example = await newExample()
  try {
    const { project } = example
    await project.write('tenancy.config.json', configOf({ migrations: 'prisma/schema.prisma/migrations' }))
    const before = await project.files()
    const { code, stderr } = await project.run('migration', '--write')
    expect({ code, stderr }).toMatchObject({ code: 2 })
    expect(await project.files()).toEqual(before)
  } finally {
    await example.close()
  }
})

/** As the app role, in one session. */
async function asApp({ url, roles }: Example, before: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`SET ROLE ${roles.app}`)
    await client.query(before)
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}
