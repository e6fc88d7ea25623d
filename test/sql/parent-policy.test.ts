// Proves what the policy through parents says, and with attacks, logged in as the app role, that a row belongs to whom its
// parents belong: for reading, for writing, for moving and for linking; and that nobody learns of another tenant's parent.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  enableRowLevelSecurity,
  type ParentPath,
  parentPolicy,
  protectTable,
  tenantColumn,
} from '../../src/sql/index.js'
import { a, b, failure, type LiveDatabase, openLiveDatabase } from './live-database.js'
import { refused } from './refused.js'

const project: ParentPath = { keys: [['project_id', 'id']], required: true, table: 'projects', column: 'tenant_id' }
const label: ParentPath = { keys: [['label_id', 'id']], required: false, table: 'labels', column: 'tenant_id' }
const task: ParentPath = { keys: [['task_id', 'id']], required: true, table: 'tasks', parents: [project] }

test("a row is the tenant's if its parent is", () => {
  expect(parentPolicy('tasks', { parents: [project] })).toBe(`\
-- tasks.project_id → projects.tenant_id
DROP POLICY IF EXISTS "tenant_isolation" ON "tasks";
CREATE POLICY "tenant_isolation" ON "tasks"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING (EXISTS (SELECT FROM "projects" AS "parent"
      WHERE "parent"."id" = "tasks"."project_id"
        AND "parent"."tenant_id" = nullif(current_setting('app.tenant_id', true), '')::uuid))
  WITH CHECK (EXISTS (SELECT FROM "projects" AS "parent"
      WHERE "parent"."id" = "tasks"."project_id"
        AND "parent"."tenant_id" = nullif(current_setting('app.tenant_id', true), '')::uuid));
`)
})

test('a longer way is nested, a key that may be empty is asked only where it is set', () => {
  expect(parentPolicy('comments', { parents: [task, label], sealed: true, name: 'own' })).toBe(`\
-- comments.task_id → tasks.project_id → projects.tenant_id
-- comments.label_id → labels.tenant_id, where it is set
DROP POLICY IF EXISTS "own" ON "comments";
CREATE POLICY "own" ON "comments"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING (EXISTS (SELECT FROM "tasks" AS "parent"
      WHERE "parent"."id" = "comments"."task_id"
        AND EXISTS (SELECT FROM "projects" AS "parent2"
          WHERE "parent2"."id" = "parent"."project_id"
            AND "parent2"."tenant_id" = tenancy.tenant_id()))
    AND ("comments"."label_id" IS NULL OR EXISTS (SELECT FROM "labels" AS "parent3"
      WHERE "parent3"."id" = "comments"."label_id"
        AND "parent3"."tenant_id" = tenancy.tenant_id())))
  WITH CHECK (EXISTS (SELECT FROM "tasks" AS "parent"
      WHERE "parent"."id" = "comments"."task_id"
        AND EXISTS (SELECT FROM "projects" AS "parent2"
          WHERE "parent2"."id" = "parent"."project_id"
            AND "parent2"."tenant_id" = tenancy.tenant_id()))
    AND ("comments"."label_id" IS NULL OR EXISTS (SELECT FROM "labels" AS "parent3"
      WHERE "parent3"."id" = "comments"."label_id"
        AND "parent3"."tenant_id" = tenancy.tenant_id())));
`)
})

test("Prisma's implicit many-to-many table asks both sides", () => {
  const sql = parentPolicy(
    { schema: 'crm', table: '_LabelToTask' },
    {
      parents: [
        { keys: [['A', 'id']], required: true, table: { schema: 'crm', table: 'labels' }, column: 'Org' },
        {
          keys: [
            ['B', 'id'],
            ['C', 'no'],
          ],
          required: true,
          table: 'tasks',
          column: 'Org',
        },
      ],
      type: 'int',
      setting: 'crm.org',
    },
  )
  expect(sql.slice(0, sql.indexOf('  WITH CHECK'))).toBe(`\
-- _LabelToTask.A → labels.Org
-- _LabelToTask.(B, C) → tasks.Org
DROP POLICY IF EXISTS "tenant_isolation" ON "crm"."_LabelToTask";
CREATE POLICY "tenant_isolation" ON "crm"."_LabelToTask"
  AS PERMISSIVE FOR ALL TO PUBLIC
  USING (EXISTS (SELECT FROM "crm"."labels" AS "parent"
      WHERE "parent"."id" = "_LabelToTask"."A"
        AND "parent"."Org" = nullif(current_setting('crm.org', true), '')::integer)
    AND EXISTS (SELECT FROM "tasks" AS "parent2"
      WHERE "parent2"."id" = "_LabelToTask"."B" AND "parent2"."no" = "_LabelToTask"."C"
        AND "parent2"."Org" = nullif(current_setting('crm.org', true), '')::integer))
`)
})

test('a line break in a name does not end the comment', () => {
  const sql = parentPolicy('x\n; DROP TABLE y; --\r\u2028', { parents: [project] })
  expect(sql.split('\n')[0]).toBe('-- x?; DROP TABLE y; --?\u2028.project_id → projects.tenant_id')
})

test.each([
  [
    { parents: [label] },
    'The option parents names no required parent, so nothing tells whose a row is.',
    'List a foreign key that is NOT NULL with required: true, or give the table the tenant column.',
  ],
  [
    {},
    'The option parents names no required parent, so nothing tells whose a row is.',
    'List a foreign key that is NOT NULL with required: true, or give the table the tenant column.',
  ],
  [
    { parents: [{ ...task, parents: [label] }] },
    'The option parents names no required parent, so nothing tells whose a row is.',
    'List a foreign key that is NOT NULL with required: true, or give the table the tenant column.',
  ],
  [
    { parents: [{ ...task, column: 'tenant_id' }] },
    'A parent has neither a tenant column nor parents of its own, or both.',
    "Give it column: 'tenant_id', or parents: […] where it has no tenant column itself.",
  ],
  [
    { parents: [project, { ...task, table: 'comments', required: false }] },
    'The policy of "comments" would have to ask itself, which PostgreSQL refuses as infinite recursion.',
    'Give the table the tenant column.',
  ],
  [
    { parents: [{ ...project, required: undefined }] },
    'The option required is undefined.',
    'Write required: true or required: false.',
  ],
  [
    { parents: [{ ...project, keys: [] }] },
    'The option keys is not a list of pairs of columns.',
    "Write the foreign key as keys: [['project_id', 'id']], the table's own column first.",
  ],
])('the paths %j are refused with a hint', (options, message, hint) => {
  expect(refused(() => parentPolicy('comments', options as never))).toEqual({ code: 'CONFIG.INVALID', message, hint })
})

describe('logged in as the app role,', () => {
  let db: LiveDatabase
  beforeAll(async () => {
    db = await openLiveDatabase(`
      CREATE TABLE projects (id int PRIMARY KEY);
      CREATE TABLE labels (id int PRIMARY KEY);
      CREATE TABLE tasks (id int PRIMARY KEY, project_id int NOT NULL REFERENCES projects);
      CREATE TABLE comments (id int PRIMARY KEY, text text, label_id int REFERENCES labels ON DELETE SET NULL,
        task_id int NOT NULL REFERENCES tasks ON DELETE CASCADE);
      CREATE TABLE "_LabelToTask" ("A" int REFERENCES labels ON DELETE CASCADE, "B" int REFERENCES tasks ON DELETE CASCADE, PRIMARY KEY ("A", "B"));
      ${tenantColumn('projects')}${tenantColumn('labels')}
      INSERT INTO projects VALUES (1, '${a}'), (2, '${b}');
      INSERT INTO labels VALUES (1, '${a}'), (2, '${b}'), (11, '${a}');
      INSERT INTO tasks VALUES (1, 1), (2, 2);
      INSERT INTO comments VALUES (1, 'a', NULL, 1), (2, 'b', 2, 2), (11, 'aa', 1, 1);
      INSERT INTO "_LabelToTask" VALUES (1, 1), (2, 2);
      ${protectTable('projects')}${protectTable('labels')}
      ${parentPolicy('tasks', { parents: [project] })}
      ${parentPolicy('comments', { parents: [task, label] })}
      ${parentPolicy('_LabelToTask', {
        parents: [
          { keys: [['A', 'id']], required: true, table: 'labels', column: 'tenant_id' },
          { keys: [['B', 'id']], required: true, table: 'tasks', parents: [project] },
        ],
      })}
      ${['tasks', 'comments', '_LabelToTask'].map((table) => enableRowLevelSecurity(table)).join('')}
    `)
  })
  afterAll(() => db?.close())

  const count = async (tenant: string | undefined, table: string) =>
    (await db.asApp(tenant, `SELECT count(*)::int AS n FROM ${table}`)).rows[0].n

  test.each([
    ['tasks', 1, 1],
    ['comments', 2, 1],
    ['"_LabelToTask"', 1, 1],
  ])('a tenant reads its own rows of %s, and nobody reads any without a tenant', async (table, ofA, ofB) => {
    expect((await db.admin.query(`SELECT FROM ${table}`)).rowCount).toBe(ofA + ofB)
    expect([await count(a, table), await count(b, table)]).toEqual([ofA, ofB])
    expect([await count(undefined, table), await count('', table)]).toEqual([0, 0])
  })

  test('the owner sees nothing either', async () => {
    expect((await db.owner.query('SELECT FROM comments')).rowCount).toBe(0)
  })

  test.each([
    ['changes', "UPDATE comments SET text = 'x' WHERE id = 2"],
    ['moves to itself', 'UPDATE comments SET task_id = 1, label_id = NULL WHERE id = 2'],
    ['deletes', 'DELETE FROM comments WHERE id = 2'],
    ['locks', 'SELECT FROM comments WHERE id = 2 FOR UPDATE'],
    ['unlinks', 'DELETE FROM "_LabelToTask" WHERE "A" = 2'],
    ['takes over', 'UPDATE tasks SET project_id = 1 WHERE id = 2'],
  ])('a tenant %s no row of another one', async (_, sql) => {
    expect((await db.asApp(a, sql)).rowCount).toBe(0)
    expect((await failure(db.asApp(b, sql.replace('= 1', '= 2')))).message).toBe('it succeeded')
  })

  test.each([
    ['moves its row to another tenant', 'UPDATE comments SET task_id = 2 WHERE id = 1'],
    ['moves its task to another tenant', 'UPDATE tasks SET project_id = 2 WHERE id = 1'],
    ["adds to another tenant's task", "INSERT INTO comments VALUES (3, 'x', NULL, 2)"],
    ["points at another tenant's label", 'UPDATE comments SET label_id = 2 WHERE id = 1'],
    ["inserts with another tenant's label", "INSERT INTO comments VALUES (3, 'x', 2, 1)"],
    ["links its label to another tenant's task", 'INSERT INTO "_LabelToTask" VALUES (1, 2)'],
    ["links another tenant's label to its task", 'INSERT INTO "_LabelToTask" VALUES (2, 1)'],
    ['moves a link', 'UPDATE "_LabelToTask" SET "A" = 2 WHERE "A" = 1'],
    [
      'takes a row over by upsert',
      "INSERT INTO comments VALUES (2, 'x', NULL, 1) ON CONFLICT (id) DO UPDATE SET task_id = 1",
    ],
    ['empties the table', 'TRUNCATE comments'],
  ])('a tenant %s: refused', async (_, sql) => {
    expect((await failure(db.asApp(a, sql))).code).toBe('42501')
  })

  test.each([
    ["INSERT INTO comments VALUES (3, 'x', NULL, $)"],
    ["INSERT INTO comments VALUES (3, 'x', $, 1)"],
    ['UPDATE comments SET task_id = $ WHERE id = 1'],
    ['UPDATE comments SET label_id = $ WHERE id = 1'],
    ['INSERT INTO tasks VALUES (3, $)'],
    ['INSERT INTO "_LabelToTask" VALUES (1, $)'],
    ['INSERT INTO "_LabelToTask" VALUES ($, 1)'],
  ])('%s answers the same for a foreign id and for one that does not exist', async (sql) => {
    const answers = await Promise.all([2, 999].map((id) => failure(db.asApp(a, sql.replace('$', String(id))))))
    expect(answers.map(({ code }) => code)).toEqual(['42501', '42501'])
    expect(answers[0]?.message).toBe(answers[1]?.message)
    expect(answers[0]?.detail).toBe(answers[1]?.detail)
  })

  test('its own rows are written, linked and moved among its own parents', async () => {
    const writes = [
      'INSERT INTO tasks VALUES (3, 1)',
      "INSERT INTO comments VALUES (3, 'x', 11, 3)",
      'UPDATE comments SET task_id = 1, label_id = NULL WHERE id = 3',
      'INSERT INTO "_LabelToTask" VALUES (11, 3)',
      'DELETE FROM labels WHERE id = 1',
    ]
    expect((await db.asApp(a, ...writes, 'SELECT id, label_id, task_id FROM comments ORDER BY id')).rows).toEqual([
      { id: 1, label_id: null, task_id: 1 },
      { id: 3, label_id: null, task_id: 1 },
      { id: 11, label_id: null, task_id: 1 },
    ])
    expect((await db.asApp(a, ...writes, 'SELECT "A", "B" FROM "_LabelToTask"')).rows).toEqual([{ A: 11, B: 3 }])
  })

  test('a parent whose own row-level security is off still protects its children', async () => {
    await db.owner.query(
      'ALTER TABLE projects DISABLE ROW LEVEL SECURITY; ALTER TABLE tasks DISABLE ROW LEVEL SECURITY',
    )
    try {
      expect(await count(a, 'projects')).toBe(2)
      expect([await count(a, 'comments'), await count(undefined, 'comments')]).toEqual([2, 0])
    } finally {
      await db.owner.query(
        'ALTER TABLE projects ENABLE ROW LEVEL SECURITY; ALTER TABLE tasks ENABLE ROW LEVEL SECURITY',
      )
    }
  })

  test('a table named like a parent in its policy is told apart from it', async () => {
    const parents: ParentPath[] = [{ ...project, keys: [['parent2', 'id']] }]
    await db.owner.query(`CREATE TABLE parent (id int, parent2 int); INSERT INTO parent VALUES (1, 1), (2, 2);
      ${parentPolicy('parent', { parents })}${enableRowLevelSecurity('parent')}`)
    expect((await db.asApp(b, 'SELECT id FROM parent')).rows).toEqual([{ id: 2 }])
  })
})
