// Proves that docs/testing.md shows what the kit really prints, and that its tests pass as they are written there.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import { protectTable } from '../src/sql/index.js'
import { assertTenantIsolation, IsolationError } from '../src/testing/index.js'
import { blocks, readPage, runModule, withBlocks } from './support/docs.js'
import { startPostgres } from './support/postgres.js'
import { ROLES } from './support/template.js'
import { A, B, newProduct, type Product } from './testing/product.js'

const page = await readPage('docs/testing.md')

describe('the outputs on the page', () => {
  let product: Product
  beforeAll(async () => {
    product = await newProduct()
  })
  afterAll(() => product?.close())

  /** Without what differs from run to run, and lines no longer than a page is wide. */
  const onPage = (output: string): string =>
    output
      .trimEnd()
      .replace(/in \d+\.\d s$/m, 'in 1.7 s')
      .replaceAll(/where: \{ id: -?\d+ \}/g, 'where: { id: 1951053599 }')
      .replaceAll(/^(await .{111}).{3,}$/gm, '$1 …')
      .concat('\n')

  test('are those of the kit; after a change: -u', async () => {
    const printed: string[] = []
    const attack = () =>
      assertTenantIsolation(product.withLibrary(), { tenants: [A, B], print: (text) => printed.push(text) })
    await attack()
    await product.sql('ALTER TABLE notes DISABLE ROW LEVEL SECURITY')
    const leaked: unknown = await attack().catch((error: unknown) => error)
    if (!(leaked instanceof IsolationError)) throw leaked
    const [reproduction = ''] = String(leaked).split(/\n+And \d+ more:/)
    const [matrix, first] = (printed[1] ?? '').split(/\n\n(?=✗)/)
    const outputs = [printed[0] ?? '', reproduction, `${matrix}\n\n${first}\n…`]
    await expect(withBlocks(page, '', outputs.map(onPage))).toMatchFileSnapshot('../docs/testing.md')
  })
})

test('README shows the first of them', async () => {
  const [matrix] = blocks(page, '')
  expect(blocks(await readPage('README.md'), '')).toContain(matrix)
})

describe('the job for GitHub Actions in README', () => {
  test('is YAML, and has what each step needs', async () => {
    const [text = ''] = blocks(await readPage('README.md'), 'yaml')
    const { jobs } = parse(text) as { jobs: Record<string, Job> }
    const [job] = Object.values(jobs)
    if (!job) throw new Error('There is no job.')
    const names = page.match(/process\.env\.(\w+)/g)?.map((each) => each.replace('process.env.', '')) ?? []
    expect(Object.keys(job.env)).toEqual([...new Set(names), 'DATABASE_URL'])
    for (const step of job.steps) expect([step.run, step.uses].filter(Boolean)).toHaveLength(1)
    const wanted = job.steps.find(({ run }) => run?.includes('tenancy doctor'))?.run?.match(/--html (\S+)/)?.[1]
    expect(job.steps.at(-1)?.with).toMatchObject({ path: wanted })
  })

  test('so are the steps that may take the place of one', () => {
    for (const text of blocks(page, 'yaml')) {
      const steps = parse(text) as Job['steps']
      for (const step of steps) expect([step.run, step.uses].filter(Boolean)).toHaveLength(1)
    }
  })
})

interface Job {
  readonly env: Record<string, string>
  readonly steps: readonly { readonly run?: string; readonly uses?: string; readonly with?: Record<string, string> }[]
}

// The page's own tests, on a project of the schema of these tests.
const folder = await mkdtemp(join(tmpdir(), 'tenancy-docs-'))
await mkdir(join(folder, 'prisma/migrations/20260101000000_init'), { recursive: true })
await writeFile(
  join(folder, 'prisma/migrations/20260101000000_init/migration.sql'),
  `${await readFile(new URL('support/schema.sql', import.meta.url), 'utf8')}
CREATE TABLE companies (id uuid PRIMARY KEY, name text NOT NULL);
${protectTable('projects', { indexes: [['id']] })}${protectTable('tasks', { indexes: [['id']] })}
GRANT SELECT, INSERT, UPDATE, DELETE ON projects, tasks TO ${ROLES.app};
GRANT SELECT ON plans, companies TO ${ROLES.app};`,
)
process.env['TEST_ADMIN_URL'] = (await startPostgres()).adminUrl
const before = process.cwd()
process.chdir(folder)
const [attack = '', setUp = '', own = ''] = blocks(page, 'ts')
const { drop } = await runModule<{ drop(): Promise<void> }>(
  'testing',
  `import { PrismaPg } from '@prisma/adapter-pg'
import { tenancy, TenantPool } from 'prisma-extension-tenancy'
import { expect, test, test as base } from 'vitest'
import { PrismaClient } from '../../generated/test/client.js'
const a = '${A}', b = '${B}'
${setUp}
${attack.replace(/^import .*'\.\.\/src\/prisma'.*$/m, '')}
{
${own}
}
export const drop = async () => { await prisma.$disconnect(); await pool.end(); await database.drop() }`,
)
process.chdir(before)
afterAll(async () => {
  await drop()
  await rm(folder, { recursive: true, force: true })
})
