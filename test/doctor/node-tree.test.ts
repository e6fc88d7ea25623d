// Proves that PostgreSQL's own trees are read whole, whatever the names and texts in them look like, and that what is read
// from them is what the policy says.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { booleanOf, readExpression, textOf, walk } from '../../src/doctor/expression.js'
import type { TreeNode, TreeValue } from '../../src/doctor/node-tree.js'
import { elements, isNode, nodesOf, parseNodeTree } from '../../src/doctor/node-tree.js'
import { runSql, startPostgres, type TestDatabase, type TestServer } from '../support/postgres.js'

let server: TestServer
let database: TestDatabase
beforeAll(async () => {
  server = await startPostgres()
  database = await server.createDatabase()
})
afterAll(async () => {
  await database?.drop()
  await server?.stop()
})

/** Names that look like the notation itself. */
const names = [
  'a b',
  ':funcid',
  '<>',
  '"',
  '()',
  '{VAR}',
  '\\',
  '\\ {',
  "it's",
  '[ 1 ]',
  '1',
  '-',
  'ünïcode 🐘',
  '\t\n',
]

test('names that look like the notation are read as they are', async () => {
  const quoted = names.map((name) => `"${name.replaceAll('"', '""')}"`)
  await runSql(
    database.adminUrl,
    `CREATE TABLE odd (${quoted.map((name) => `${name} text`).join(', ')});
     CREATE POLICY p ON odd USING (EXISTS (SELECT ${quoted.map((name) => `${name} AS ${name}`).join(', ')} FROM odd AS ${quoted[2]}))`,
  )
  const tree = await treeOf('odd')
  const entry = [...nodesOf(tree)].find(({ tag }) => tag === 'RANGETBLENTRY') as TreeNode
  const alias = entry.fields['eref'] as TreeNode
  expect(alias.fields['aliasname']).toBe('<>')
  expect(alias.fields['colnames']).toEqual(names)
  expect([...nodesOf(tree)].filter(({ tag }) => tag === 'TARGETENTRY').map(({ fields }) => fields['resname'])).toEqual(
    names,
  )
})

test('a text in a policy is read byte by byte, whatever stands in it', async () => {
  const texts = ['', "it's", ') :constvalue 4 [ 1 2 3 4 ]}', 'OR true', 'ünïcode 🐘', '\\'.repeat(3), 'x'.repeat(5000)]
  for (const text of texts) {
    await runSql(
      database.adminUrl,
      `DROP TABLE IF EXISTS texts; CREATE TABLE texts (name text);
       CREATE POLICY p ON texts USING (name = E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}')`,
    )
    const constants = [...walk(readExpression(await treeOf('texts')))].map(({ at }) => textOf(at))
    expect(constants.filter((each) => each !== undefined)).toEqual([text])
  }
})

test.each([
  ['true', true],
  ['false', false],
  ['NULL::boolean', null],
])('the constant %s is known', async (sql, value) => {
  await runSql(
    database.adminUrl,
    `DROP TABLE IF EXISTS flags; CREATE TABLE flags (); CREATE POLICY p ON flags USING (${sql})`,
  )
  expect(booleanOf(readExpression(await treeOf('flags')))).toBe(value)
})

describe('every tree that the server itself keeps', () => {
  test.each([
    ['views', 'SELECT ev_action::text AS tree FROM pg_rewrite'],
    ['defaults of the catalog', 'SELECT proargdefaults::text AS tree FROM pg_proc WHERE proargdefaults IS NOT NULL'],
  ])('is read whole: %s', async (_, sql) => {
    const rows = await runSql<{ tree: string }>(database.adminUrl, sql)
    expect(rows.length).toBeGreaterThan(10)
    for (const { tree } of rows) {
      const parsed = parseNodeTree(tree)
      // Each opening brace of the notation is a node; in a name it stands behind a backslash.
      const braces = tree.match(/(?<!\\)\{/g)?.length ?? 0
      expect([...nodesOf(parsed)]).toHaveLength(braces)
    }
  })
})

test.each(['{VAR :varno 1', '(1 2', '{VAR varno 1}', '{CONST :constvalue 4 [ 1', '{VAR :varno 1} 2', ''])(
  'what is cut off is refused: %s',
  (text) => {
    expect(() => parseNodeTree(text)).toThrow(SyntaxError)
  },
)

async function treeOf(table: string): Promise<TreeValue> {
  const [row] = await runSql<{ tree: string }>(
    database.adminUrl,
    `SELECT polqual::text AS tree FROM pg_policy WHERE polrelid = '${table}'::regclass`,
  )
  const tree = parseNodeTree(row?.tree ?? '')
  expect(isNode(tree) || elements(tree).length > 0).toBe(true)
  return tree
}
