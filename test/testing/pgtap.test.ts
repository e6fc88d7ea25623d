// Proves that the SQL for pgTAP runs there, passes on a protected database and fails on a planted fault.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPgTap } from '../../src/testing/index.js'
import { pgTapSql, whyNoPgTap } from '../support/pgtap.js'
import { A, B, newProduct, type Product } from './product.js'

const why = await whyNoPgTap()

let product: Product
beforeAll(async () => {
  product = await newProduct()
})
afterAll(() => product?.close())

/** The lines that pg_prove would read. */
async function proved(script: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: product.adminUrl })
  await client.connect()
  try {
    const results = (await client.query(script)) as unknown as pg.QueryResult[]
    return results
      .flatMap(({ rows }) => rows.flatMap((row) => Object.values(row as object).map(String)))
      .flatMap((line) => line.split('\n'))
      .filter((line) => /^(?:ok|not ok|\d+\.\.)/.test(line))
  } finally {
    await client.end()
  }
}

test('the script is SQL for the tables of the client, and leaves nothing behind', async () => {
  const script = await isolationPgTap(product.withLibrary(), { tenants: [A, B], print: false })
  expect(script).toMatch(/^-- Tenant isolation, for pgTAP\..*\nBEGIN;\nSELECT plan\(33\);\n/)
  expect(script).toContain(`SELECT set_config('app.tenant_id', '${B}', true);`)
  expect(script).toMatch(
    /SELECT is_empty\(\$tenancy\$DELETE FROM "public"\."tasks" WHERE "id" = '\d+'::bigint RETURNING 1\$tenancy\$, 'Task: tenant b does not delete the row'\);/,
  )
  expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
})

test.skipIf(why)(`it passes under pgTAP, and fails where a policy is open${why}`, async () => {
  await product.admin((await pgTapSql()) as string)
  const script = await isolationPgTap(product.withLibrary(), { tenants: [A, B], print: false })
  const lines = await proved(script)
  expect(lines[0]).toBe('1..33')
  expect(lines.slice(1).filter((line) => !line.startsWith('ok '))).toEqual([])
  expect(lines).toHaveLength(34)

  await product.sql('DROP POLICY own ON notes; CREATE POLICY own ON notes USING (true)')
  const failed = (await proved(script)).filter((line) => line.startsWith('not ok'))
  expect(failed.map((line) => line.replace(/^not ok \d+ - /, ''))).toContain('Note: tenant b does not see the row')
  expect(failed.every((line) => line.includes('Note: '))).toBe(true)
  expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
})
