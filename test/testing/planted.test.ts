// Proves that the kit finds each of these faults when it is planted, and nothing when none is: with the library's client
// and with clients that know nothing of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import { assertTenantIsolation, IsolationError, type IsolationOptions } from '../../src/testing/index.js'
import { A, B, newProduct, type Product } from './product.js'

let product: Product
beforeEach(async () => {
  product = await newProduct()
})
afterEach(async () => {
  await product?.close()
})

const run = (prisma: object, options: Partial<IsolationOptions> = {}) =>
  assertTenantIsolation(prisma, { tenants: [A, B], print: false, ...options })

async function leakOf(prisma: object, options: Partial<IsolationOptions> = {}): Promise<IsolationError> {
  const error: unknown = await run(prisma, options).then(
    () => new Error('Nothing was found.'),
    (thrown: unknown) => thrown,
  )
  if (error instanceof IsolationError) return error
  throw error
}

describe('nothing planted', () => {
  test.each(['pool', 'portable'] as const)('the client of the library holds in %s mode', async (mode) => {
    const matrix = await run(product.withLibrary(mode))
    expect(matrix.leaks).toEqual([])
    expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
  })

  test('a client that binds by the extension of the documentation holds', async () => {
    const { prisma, as } = product.documented()
    const matrix = await run(prisma, { as })
    expect(matrix.leaks).toEqual([])
    expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
  })

  test('a partitioned table holds, and is found where its policy is open', async () => {
    await product.sql(`ALTER TABLE notes RENAME TO "old notes";
      CREATE TABLE notes (LIKE "old notes" INCLUDING DEFAULTS, PRIMARY KEY (id),
        FOREIGN KEY (task_id) REFERENCES tasks ON DELETE CASCADE) PARTITION BY HASH (id);
      CREATE TABLE notes_0 PARTITION OF notes FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE notes_1 PARTITION OF notes FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
      CREATE POLICY own ON notes USING (EXISTS (SELECT FROM tasks WHERE tasks.id = notes.task_id));
      GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO app_user`)
    const matrix = await run(product.withLibrary())
    expect(matrix.leaks).toEqual([])
    expect(Object.keys(matrix.cells).sort()).toEqual(['Board', 'Note', 'Plan', 'Project', 'Task', 'public.old notes'])
    await product.sql('DROP POLICY own ON notes; CREATE POLICY own ON notes USING (true)')
    expect((await leakOf(product.withLibrary())).leak).toMatchObject({ model: 'Note', attack: 'read' })
  })

  test.each(['pool', 'portable'] as const)('sealed tenants hold in %s mode', async (mode) => {
    const matrix = await run(product.withLibrary(mode, await product.seal()))
    expect(matrix.leaks).toEqual([])
    expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
  })

  test('the owner of the tables holds while they force their policies', async () => {
    const { prisma, as } = product.documented(product.ownerUrl)
    const matrix = await run(prisma, { as })
    expect(matrix.leaks).toEqual([])
    expect(matrix.notes.join('\n')).toMatch(/"app_owner" owns 3 of the tables/)
  })
})

interface Planted {
  readonly name: string
  readonly sql: string
  readonly model: string
  readonly attack: string
  /** In the reproduction. */
  readonly call: RegExp
  readonly cause?: RegExp
  readonly only?: readonly string[]
}

test('clients that bind the sessions of a shared pool hold while they reset them', async () => {
  const { prisma, as } = product.handWritten(false)
  expect((await run(prisma, { as })).leaks).toEqual([])
})

test('an open policy that was left beside the sealed one is found', async () => {
  const seal = await product.seal()
  await product.sql(`CREATE POLICY "left" ON tasks FOR SELECT USING (true)`)
  const { leak } = await leakOf(product.withLibrary('pool', seal))
  expect(leak).toMatchObject({ model: 'Task', attack: 'read' })
})

const planted: readonly Planted[] = [
  {
    name: 'row-level security that is off on one table',
    sql: 'ALTER TABLE tasks DISABLE ROW LEVEL SECURITY',
    model: 'Task',
    attack: 'read',
    call: /prisma\.task\.findFirst\(\{ where: \{ id: \d+n \} \}\)/,
    cause: /ALTER TABLE "public"."tasks" ENABLE ROW LEVEL SECURITY/,
  },
  {
    name: 'a policy with OR true',
    sql: `DROP POLICY own ON tasks; CREATE POLICY own ON tasks USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid OR true)`,
    model: 'Task',
    attack: 'read',
    call: /prisma\.task\.findFirst/,
    cause: /look at its policies/,
  },
  {
    name: 'a policy for INSERT that checks nothing',
    sql: `DROP POLICY own ON projects;
      CREATE POLICY own ON projects USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
      CREATE POLICY new ON projects FOR INSERT WITH CHECK (true)`,
    model: 'Project',
    attack: 'create',
    // RETURNING, which create asks for, reads the new row, and that the other policy refuses.
    call: /prisma\.project\.createMany\(\{ data: \[\{ .*tenantId: 'aaaaaaaa-0000-4000-8000-00000000000a'/,
  },
  {
    name: 'a foreign key without the tenant',
    sql: `ALTER TABLE tasks DROP CONSTRAINT "tasks_tenant_id_project id_fkey";
      ALTER TABLE tasks ADD CONSTRAINT short FOREIGN KEY ("project id") REFERENCES projects (id) ON DELETE CASCADE`,
    model: 'Task',
    attack: 'foreign key',
    call: /UPDATE "public"."tasks" SET "project id" = \$1::text::text/,
  },
  {
    name: 'a unique key without the tenant',
    sql: 'ALTER TABLE projects ADD CONSTRAINT one_name UNIQUE (name)',
    model: 'Project',
    attack: 'unique',
    call: /INSERT INTO "public"."projects"/,
  },
  {
    name: 'a view that is read as its owner, and included',
    // The owner of a view is often the one who migrates, to whom nothing is hidden.
    sql: `ALTER VIEW boards SET (security_invoker = false); ALTER VIEW boards OWNER TO bypass_user;
      GRANT SELECT ON projects TO bypass_user`,
    model: 'Plan',
    attack: 'relations',
    only: ['Plan'],
    call: /prisma\.plan\.findMany\(\{ where: .*include: \{ boards: /,
    cause: /ALTER VIEW "public"."boards" SET \(security_invoker = true\)/,
  },
  {
    name: 'a cascade from a shared row that every tenant may delete',
    sql: `ALTER TABLE projects DROP CONSTRAINT projects_plan_code_fkey;
      ALTER TABLE projects ADD CONSTRAINT plan FOREIGN KEY (plan_code) REFERENCES plans ON DELETE CASCADE;
      GRANT INSERT, DELETE ON plans TO app_user`,
    model: 'Project',
    attack: 'cascade',
    call: /await withTenant\(b, \(\) => prisma\.\$executeRawUnsafe\('DELETE FROM "public"."plans"/,
    cause: /REVOKE INSERT, UPDATE, DELETE ON "public"."plans" FROM "app_user";/,
  },
  {
    name: 'a child table that is reached only by its parent',
    sql: 'DROP POLICY own ON notes; ALTER TABLE notes DISABLE ROW LEVEL SECURITY',
    model: 'Note',
    attack: 'read',
    call: /prisma\.note\.findFirst\(\{ where: \{ id: \d+ \} \}\)/,
    cause: /ALTER TABLE "public"."notes" ENABLE ROW LEVEL SECURITY/,
  },
]

test.each(planted)('$name is found', async ({ sql, model, attack, call, cause, only }) => {
  await product.admin(sql)
  const prisma = product.withLibrary()
  const error = await leakOf(prisma, only ? { models: only } : {})
  expect(error.leak).toMatchObject({ model, attack })
  expect(error.message).toContain(error.leak.reproduction)
  expect(error.leak.reproduction).toMatch(call)
  if (cause) expect(error.hint).toMatch(cause)
  expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
  // What it tells to paste does it.
  const outcome = await pasted(error.leak.reproduction, prisma)
  if (attack === 'unique') expect(outcome).toMatchObject({ code: 'P2010' })
  else expect(isNothing(outcome)).toBe(false)
})

/** Runs the TypeScript of a reproduction, and answers what its last line answers or throws. */
async function pasted(reproduction: string, prisma: object): Promise<unknown> {
  const lines = reproduction.split('\n').filter((line) => !line.startsWith('import '))
  const last = lines.findLastIndex((line) => line.startsWith('await '))
  const body = [...lines.slice(0, last), `return ${lines.slice(last).join('\n')}`].join('\n')
  const AsyncFunction = pasted.constructor as new (...args: string[]) => (...args: unknown[]) => Promise<unknown>
  return new AsyncFunction('prisma', 'withTenant', 'letDatabaseAnswer', body)(
    prisma,
    withTenant,
    letDatabaseAnswer,
  ).catch((error: unknown) => error)
}

const isNothing = (answer: unknown) =>
  answer === null || answer === 0 || (Array.isArray(answer) && answer.length === 0) || answer instanceof Error

test('tables that do not force their policies on the owner who logs in are found', async () => {
  await product.sql('ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY')
  const { prisma, as } = product.documented(product.ownerUrl)
  const error = await leakOf(prisma, { as })
  expect(error.leak).toMatchObject({ model: 'Task', attack: 'read' })
  expect(error.hint).toMatch(/"app_owner" owns .* FORCE ROW LEVEL SECURITY;/)
})

test('raw SQL that is not bound is found', async () => {
  const { prisma, as } = product.documented(product.appUrl, 'models')
  const error = await leakOf(prisma, { as })
  expect(error.leak).toMatchObject({ model: 'Project', attack: 'raw SQL' })
  expect(error.leak.what).toMatch(/Raw SQL is not bound to the tenant/)
  expect(error.leak.reproduction).toMatch(/await as\(a, \(prisma\) => prisma\.\$executeRawUnsafe\('INSERT INTO/)
})

test('a binding that an error leaves on the connection is found', async () => {
  const { prisma, as } = product.handWritten(true)
  const error = await leakOf(prisma, { as })
  expect(error.leak).toMatchObject({ model: 'Project', attack: 'after error' })
  expect(error.leak.what).toMatch(
    /A caller without a tenant in scope sees tenant a's row after a statement of tenant a's failed/,
  )
  expect(error.leak.reproduction).toMatch(/await as\(a, \(prisma\) => .*SELECT 1 \/ 0/)
})
