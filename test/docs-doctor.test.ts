// Proves that docs/doctor.md and README's chapter about the doctor show what the command really prints, and that their code
// runs as written.
import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { newProject, type TestProject } from './cli/command.js'
import { blocks, expectShown, readPage, runModule } from './support/docs.js'
import { runSql, startPostgres, type TestDatabase } from './support/postgres.js'

let page: string
let readme: string
let database: TestDatabase
let project: TestProject
let version: string
beforeAll(async () => {
  ;[page, readme] = await Promise.all([readPage('docs/doctor.md'), readPage('README.md')])
  database = await (await startPostgres()).createDatabase()
  await runSql(database.adminUrl, await readFile(new URL('support/shop.sql', import.meta.url), 'utf8'))
  const [row] = await runSql<{ version: string }>(
    database.adminUrl,
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version`,
  )
  version = row?.version as string
  project = await newProject({ 'prisma/schema.prisma': '' })
})
afterAll(async () => {
  await project?.remove()
  await database?.drop()
})

/** The output as on a server and a database of the page, and at the time of the page. */
const asOnPage = (output: string): string =>
  output
    .replaceAll(database.name, 'shop')
    .replaceAll(version, '15.18')
    .replaceAll(/\d{14}_tenancy_doctor/g, '20261124142802_tenancy_doctor')

const consoles = (text: string): { command: string; output: string }[] =>
  blocks(text, 'console').flatMap((block) => {
    const [, command = '', output = ''] = /^\$ npx tenancy (doctor .*)\n([\s\S]*)/.exec(block) ?? []
    return command === '' ? [] : [{ command, output }]
  })

const run = async (command: string): Promise<string> => {
  const args = command.split(' ').map((arg) => (arg.startsWith('postgresql://') ? database.adminUrl : arg))
  return asOnPage((await project.run(...args)).stdout)
}

test('the outputs on the page are those of the command', async () => {
  const shown = consoles(page)
  expect(shown.length).toBe(2)
  for (const { command, output } of shown) expectShown(output, await run(command))
})

test('so is the one in README', async () => {
  const shown = consoles(readme)
  expect(shown.length).toBe(1)
  for (const { command, output } of shown) expectShown(output, await run(command))
})

test('after the migration that --fix wrote, what a person decides is left', async () => {
  const files = await project.files()
  const [sql = ''] = Object.entries(files).flatMap(([path, text]) => (path.endsWith('migration.sql') ? [text] : []))
  await runSql(database.adminUrl, sql)
  const left = JSON.parse(
    (await project.run('doctor', '--url', database.adminUrl, '--app-role', 'app_user', '--json')).stdout,
  )
  const rules: string[] = left.findings.map(({ rule }: { rule: string }) => rule)
  expect(rules.filter((rule) => rule !== 'server-outdated')).toEqual(['unique-without-tenant', 'index-tells-values'])
})

test('its flags are flags', async () => {
  const { stdout } = await project.run('doctor', '--help')
  const flags = [...page.matchAll(/^\| `(--.*?)` \|/gm)].flatMap(([, cell = '']) => cell.match(/--[a-z-]+/g) ?? [])
  expect(flags.length).toBeGreaterThan(10)
  for (const flag of flags) expect(stdout).toContain(flag)
})

test("the commands of the jobs for CI are the doctor's own", async () => {
  const { stdout } = await project.run('doctor', '--help')
  const text = [...blocks(readme, 'yaml'), ...blocks(await readPage('docs/testing.md'), 'yaml')].join('\n')
  const flags = [...text.matchAll(/tenancy doctor (.*)$/gm)].flatMap(([, args = '']) => args.match(/--[a-z-]+/g) ?? [])
  expect(flags).toContain('--sarif')
  for (const flag of flags) expect(stdout).toContain(flag)
})

test('its TypeScript runs', async () => {
  const pool = new pg.Pool({ connectionString: database.adminUrl })
  ;(globalThis as { poolOfPage?: pg.Pool }).poolOfPage = pool
  const code = blocks(page, 'ts').join('\n')
  const ran = await runModule<{ found: object[] }>(
    'doctor',
    `const pool = (globalThis as any).poolOfPage\n${code}\nexport const found = findings\nexport const looked = checked`,
  )
  await pool.end()
  expect(ran).toMatchObject({ looked: { appRole: 'app_user', tables: { length: 6 } } })
})
