// Proves that the policies which migrations leave behind are read from their statements, and that a text which does not tell
// is not guessed at.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writtenPolicies } from '../../src/cli/written-policies.js'
import { newProject, type TestProject } from './command.js'

let project: TestProject
beforeEach(async () => {
  project = await newProject({})
})
afterEach(() => project.remove())

async function left(...migrations: string[]): Promise<Record<string, string[]> | undefined> {
  const names = migrations.map((_, n) => `2026010100000${n}_step`)
  for (const [n, sql] of migrations.entries()) await project.write(`migrations/${names[n]}/migration.sql`, sql)
  await project.write('migrations/20260101000009_later/migration.sql', 'CREATE POLICY later ON projects;')
  const policies = await writtenPolicies(`${project.folder}/migrations`, new Set(names), 'public')
  return policies && Object.fromEntries([...policies].map(([table, set]) => [table, [...set].sort()]))
}

test('what is made and dropped again is not left, and what did not run is not counted', async () => {
  expect(
    await left(
      'CREATE POLICY "a" ON "projects" USING (true); create policy b on crm.projects; CREATE POLICY c ON projects;',
      'DROP POLICY IF EXISTS c ON "public"."projects"; DROP POLICY "other" ON projects;',
    ),
  ).toEqual({ '"public"."projects"': ['a'], '"crm"."projects"': ['b'] })
})

test('names are those of PostgreSQL: folded where they are bare, kept in quotes', async () => {
  expect(await left('CREATE POLICY Tenant ON "Odd ""table"""; CREATE POLICY "Tenant; --" ON Projects;')).toEqual({
    '"public"."Odd ""table"""': ['tenant'],
    '"public"."projects"': ['Tenant; --'],
  })
})

test('renamed policies and tables, and dropped tables, are followed', async () => {
  expect(
    await left(
      'CREATE POLICY a ON one; CREATE POLICY a ON two; CREATE POLICY a ON three; CREATE POLICY a ON four;',
      'ALTER POLICY a ON one RENAME TO b; ALTER TABLE IF EXISTS ONLY two RENAME TO "2"; ALTER TABLE one RENAME COLUMN x TO y;',
      'DROP TABLE IF EXISTS three, public.four CASCADE;',
    ),
  ).toEqual({ '"public"."one"': ['b'], '"public"."2"': ['a'] })
})

test.each([
  ['a DO block', `DO $$ BEGIN CREATE POLICY a ON one; END $$;`],
  ['a text that is put together', `SELECT format('CREATE POLICY %I ON one', name) FROM names`],
  ['a text that does not end', `CREATE POLICY a ON one; SELECT 'x`],
])('%s tells nothing', async (_, sql) => {
  expect(await left(sql)).toBeUndefined()
})

test('a string and a comment make no policy', async () => {
  expect(
    await left(`INSERT INTO notes VALUES ('DROP POLICY a ON one;'); -- DROP TABLE one\nCREATE POLICY a ON one;`),
  ).toEqual({
    '"public"."one"': ['a'],
  })
})
