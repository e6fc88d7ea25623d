// Proves that what cannot be tried is never taken for what holds: the kit says what it lacks and what to give it.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { assertTenantIsolation, type IsolationOptions } from '../../src/testing/index.js'
import { A, B, newProduct, type Product } from './product.js'

let product: Product
let prisma: object
beforeAll(async () => {
  product = await newProduct()
  prisma = product.withLibrary()
})
afterAll(() => product?.close())

async function refusal(options: Partial<IsolationOptions> = {}, client = prisma) {
  const error: unknown = await assertTenantIsolation(client, { tenants: [A, B], print: false, ...options }).catch(
    (e: unknown) => e,
  )
  const { code, message, hint } = error as { code?: string; message: string; hint?: string }
  return { code, message, hint }
}

/** Applies `sql` as the owner, and takes it back with `undo`. */
async function during<T>(sql: string, undo: string, fn: () => Promise<T>): Promise<T> {
  await product.sql(sql)
  try {
    return await fn()
  } finally {
    await product.sql(undo)
  }
}

test('a client in which nothing belongs to a tenant is no pass', async () => {
  expect(await refusal({ tenantColumn: 'org_id' })).toEqual({
    code: 'CONFIG.INVALID',
    message: expect.stringContaining('No model of this client has a column "org_id": nothing belongs to a tenant.'),
    hint: "Give the column's name in the database: assertTenantIsolation(prisma, { tenants, tenantColumn: 'org_id' }).",
  })
})

test('a check constraint that no derived value satisfies asks for values, and takes them', async () => {
  await during(
    `ALTER TABLE projects ADD CONSTRAINT code CHECK (name ~ '^[A-Z]{3}-[0-9]{4}$')`,
    'ALTER TABLE projects DROP CONSTRAINT code',
    async () => {
      expect(await refusal()).toEqual({
        code: 'ISOLATION.UNPROVEN',
        message: expect.stringContaining(
          `No row of Project can be made: name needs a value, and the check constraint "code" wants (name ~ '^[A-Z]{3}-[0-9]{4}$'::text).`,
        ),
        hint: 'Give values for it: assertTenantIsolation(prisma, { tenants, values: { Project: { name: … } } }).',
      })
      let n = 1000
      const values = { Project: { name: () => `ABC-${n++}` } }
      const matrix = await assertTenantIsolation(prisma, { tenants: [A, B], values, print: false })
      expect(matrix.cells['Project']?.['unique']?.outcome).toBe('held')
    },
  )
  expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
})

test('a grant that is missing is told, and not taken for isolation', async () => {
  await during('REVOKE INSERT ON notes FROM app_user', 'GRANT INSERT ON notes TO app_user', async () => {
    expect(await refusal()).toEqual({
      code: 'ISOLATION.UNPROVEN',
      message: expect.stringMatching(/^No row of Note can be made for tenant a: .*permission denied for table notes/),
      hint: `GRANT INSERT ON "public"."notes" to the role of the service, or leave the model out: skip: { Note: 'why' }.`,
    })
  })
  expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
})

test('what the role may not do is not applicable, with the reason, and what it cannot remove is told', async () => {
  await during('REVOKE DELETE ON notes FROM app_user', 'GRANT DELETE ON notes TO app_user', async () => {
    const matrix = await assertTenantIsolation(prisma, { tenants: [A, B], print: false })
    expect(matrix.cells['Note']?.['delete']).toEqual({
      outcome: 'not applicable',
      tried: 0,
      reason: 'the role "app_user" may not DELETE here',
    })
    // The cascade from their tasks takes them all the same.
    expect(matrix.notes.filter((note) => note.startsWith('rows were left'))).toEqual([])
  })
  expect(await product.rows()).toEqual({ projects: 0, tasks: 0, notes: 0 })
})

test('rows that the role may not remove are left, and told', async () => {
  const tables = 'projects, tasks, notes'
  await during(`REVOKE DELETE ON ${tables} FROM app_user`, `GRANT DELETE ON ${tables} TO app_user`, async () => {
    const matrix = await assertTenantIsolation(prisma, { tenants: [A, B], print: false })
    expect(matrix.notes.filter((note) => note.startsWith('rows were left')).sort()).toEqual(
      ['Note', 'Project', 'Task'].map(
        (name) => `rows were left behind: ${name}: the role "app_user" may not delete there`,
      ),
    )
  })
  expect(await product.rows()).not.toEqual({ projects: 0, tasks: 0, notes: 0 })
  await product.admin('DELETE FROM projects')
})

test('a table of all kinds of columns gets its rows, and one of an unknown kind asks for values', async () => {
  const types = [
    'smallint',
    'bigint',
    'numeric(4,3)',
    'numeric(2,2)',
    'real',
    'double precision',
    'money',
    'boolean',
    'date',
    'timestamp(3)',
    'timestamptz',
    'time',
    'timetz',
    'interval',
    'json',
    'jsonb',
    'bytea',
    'inet',
    'cidr',
    'macaddr',
    'bit(5)',
    'varbit',
    'xml',
    'point',
    'tsvector',
    'text[]',
    'integer[]',
    'int4range',
    'char(2)',
    'varchar(3)',
    '"char"',
    'name',
    'email',
    '"task state"',
  ]
  const own = `tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid`
  await product.sql(`CREATE DOMAIN email AS varchar(60);
    CREATE TABLE "all kinds" (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY, tenant_id uuid NOT NULL,
      twice integer GENERATED ALWAYS AS (c0 * 2) STORED, ${types.map((type, i) => `c${i} ${type} NOT NULL`).join(', ')});
    ALTER TABLE "all kinds" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY own ON "all kinds" USING (${own});
    GRANT SELECT, INSERT, UPDATE, DELETE ON "all kinds" TO app_user`)
  try {
    const matrix = await assertTenantIsolation(prisma, { tenants: [A, B], print: false, models: ['public.all kinds'] })
    expect(matrix.cells['public.all kinds']?.['raw SQL']).toEqual({ outcome: 'held', tried: 6 })

    await product.sql('ALTER TABLE "all kinds" ADD polygon polygon NOT NULL')
    expect(await refusal()).toMatchObject({
      message: expect.stringContaining(
        'No row of public.all kinds can be made: polygon needs a value, and its type polygon is not one that the kit can make up.',
      ),
      hint: "Give values for it: assertTenantIsolation(prisma, { tenants, values: { 'public.all kinds': { polygon: … } } }).",
    })
    const values = { 'public.all kinds': { polygon: '((0,0),(1,1),(1,0))' } }
    expect((await assertTenantIsolation(prisma, { tenants: [A, B], print: false, values })).leaks).toEqual([])
  } finally {
    await product.sql('DROP TABLE "all kinds"')
  }
})

test('a shared table without rows asks for one', async () => {
  await during('DELETE FROM plans', "INSERT INTO plans VALUES ('free'), ('paid')", async () => {
    expect(await refusal()).toMatchObject({
      message: expect.stringContaining(
        'No row of Project can be made: it refers to Plan, and tenant a sees no row there.',
      ),
      hint: 'Put a row into Plan before, or give values for Project: values: { Project: { … } }.',
    })
  })
})

test('a scope that is not opened is told', async () => {
  const { prisma: plain } = product.documented()
  expect(await refusal({ as: (_, fn) => fn() }, plain)).toMatchObject({
    code: 'ISOLATION.UNPROVEN',
    message: expect.stringMatching(/^Tenant a may not make a row of its own in Project: .*row-level security/),
    hint: expect.stringMatching(/Does as\(\) open the scope of the tenant that it is given/),
  })
})

test('a function as that calls nothing is told', async () => {
  expect(await refusal({ as: async () => undefined })).toMatchObject({
    message: expect.stringContaining('The function as did not call what it was given.'),
    hint: 'as: (tenant, fn) => runAs(tenant, fn)',
  })
})

test('a server that is not there is told', async () => {
  const client = product.base(product.unreachable())
  expect(await refusal({ as: (_, fn) => fn() }, client)).toMatchObject({
    code: 'ISOLATION.UNPROVEN',
    message: expect.stringMatching(/^The catalog cannot be read through the client: /),
    hint: expect.stringMatching(/^Is the server there/),
  })
})

test('something that is no client is refused', async () => {
  expect(await refusal({}, {})).toMatchObject({
    code: 'CONFIG.UNSUPPORTED_VERSION',
    hint: 'Give the PrismaClient itself, of prisma@7: assertTenantIsolation(prisma, { … }).',
  })
})

test.each([
  [{ tenants: [A] }, 'Give two ids of tenants that are there for the test: tenants: [a, b].'],
  [{ tenants: [A, A] }, 'Give two different ids: tenants: [a, b].'],
  [{ tenant: A }, 'It has: tenants, as, tenantColumn, models, shared, skip, values, reads, print.'],
  [{ skip: { Note: '' } }, "skip: { Note: 'why' }."],
  [{ models: ['Nope'] }, 'It has: Board, Plan, Project, Task, Note.'],
  [{ shared: ['Nope'] }, "Name models as the schema does: shared: ['Country']."],
] as const)('%j is refused', async (options, hint) => {
  expect(await refusal(options as never)).toMatchObject({ code: 'CONFIG.INVALID', hint })
})
