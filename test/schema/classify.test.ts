// Proves that every model is a tenant table, reached through its parents, or shared, and that what is none of them, or
// could not be made safe, is refused: all of it at once, each with a hint.
import { expect, test } from 'vitest'
import { classify } from '../../src/schema/classify.js'
import type { TenancyConfig } from '../../src/schema/config.js'
import type { Problem } from '../../src/schema/problems.js'
import { readSchema } from '../../src/schema/read.js'
import { configOf, schemaOf } from './example.js'
import { refusal } from './refusal.js'

const company = 'model Company {\n  id String @id @default(uuid()) @db.Uuid\n}\n'
const project = `
model Project {
  id       Int    @id @default(autoincrement())
  tenantId String @map("tenant_id") @db.Uuid
`

async function kinds(models: string, config: Partial<TenancyConfig> = {}): Promise<string[]> {
  const classification = classify(await readSchema(schemaOf(company + models)), configOf(config))
  return [...classification.models.values()].map(({ model, kind }) => `${model.name} ${kind}`)
}

async function problems(models: string, config: Partial<TenancyConfig> = {}, tenant = company): Promise<Problem[]> {
  const schema = await readSchema(schemaOf(tenant + models))
  try {
    classify(schema, configOf(config))
  } catch (error) {
    return (error as { meta: { problems: Problem[] } }).meta.problems
  }
  throw new Error('Nothing was refused')
}

const chain = `${project}
  tasks Task[]
  tags  Tag[]
}

model Note {
  id     Int  @id @default(autoincrement())
  taskId Int
  task   Task @relation(fields: [taskId], references: [id])
}

model Task {
  id        Int     @id @default(autoincrement())
  projectId Int
  project   Project @relation(fields: [projectId], references: [id])
  notes     Note[]
}

model Tag {
  id       Int       @id @default(autoincrement())
  projects Project[]
}
`

test('a model with the column is a tenant table, one with a required parent is reached, and the tenants are shared', async () => {
  expect(await kinds(chain, { shared: ['Tag'] })).toEqual([
    'Company shared',
    'Project tenant',
    'Note reached',
    'Task reached',
    'Tag shared',
  ])
})

test('addColumn makes tenant tables of those it lists, or of all that are reached', async () => {
  expect(await kinds(chain, { shared: ['Tag'], addColumn: ['Task'] })).toContain('Note reached')
  expect(await kinds(chain, { shared: ['Tag'], addColumn: ['Task'] })).toContain('Task tenant')
  expect(await kinds(chain, { shared: ['Tag'], addColumn: 'all' })).toEqual([
    'Company shared',
    'Project tenant',
    'Note tenant',
    'Task tenant',
    'Tag shared',
  ])
})

test('a model that the client ignores is not forgotten', async () => {
  const hidden = `${project}}\n\nmodel Hidden {\n  id Int @id\n\n  @@ignore\n}\n`
  expect(await problems(hidden)).toMatchObject([{ at: 'Hidden' }])
})

test('everything that is not covered is listed at once, with what to type for each', async () => {
  const schema = await readSchema(
    schemaOf(`${company}${project}
  countryId Int?
  country   Country? @relation(fields: [countryId], references: [id])
  bills     Bill[]
}

model Country {
  id       Int       @id
  projects Project[]
}

model Bill {
  id        Int      @id @default(autoincrement())
  projectId Int?
  project   Project? @relation(fields: [projectId], references: [id])
}
`),
  )
  const run = async () => classify(schema, configOf())
  expect(await refusal(run())).toEqual({
    code: 'CONFIG.INVALID',
    message: `The schema cannot be divided among tenants yet:
- Country is neither a tenant table (it has no tenant_id), nor reached from one through a required relation, nor declared shared.
- Bill has no tenant_id, and its relation project may be empty, so that nobody tells whose row it is.`,
    hint: `Country: "shared": ["Country"] if every tenant may read it and none writes it, else "addColumn": ["Country"]
Bill: "addColumn": ["Bill"], or "addColumn": "all"`,
  })
})

test('a model that knows its tenant under another name is told how to say so', async () => {
  const models = `
model Project {
  id        Int     @id @default(autoincrement())
  companyId String  @map("company_id") @db.Uuid
  company   Company @relation(fields: [companyId], references: [id])
}
`
  const tenant = company.replace('}', '  projects Project[]\n}')
  const found = await problems(models, {}, tenant)
  expect(found.map(({ at }) => at)).toEqual(['"column"', 'Project'])
  expect(found[1]?.hint).toContain('; if your tenant tables all have company_id, "column": "company_id"')
})

test('no tenant model, and names that no model has', async () => {
  const config = {
    tenantModel: 'Firm',
    shared: ['companies'],
    addColumn: ['Gone'],
    backfill: { '*': ids.a, Lost: ids.a },
  }
  expect((await problems(`${project}}\n`, config)).slice(0, 4)).toEqual(
    ['"tenantModel" Firm', '"shared" companies', '"addColumn" Gone', '"backfill" Lost'].map((text) => {
      const [at = '', name] = text.split(' ')
      return {
        at,
        problem: `names ${name}, and the schema has no such model`,
        hint: 'write the name as it stands behind `model`, not the name of the table',
      }
    }),
  )
})

const ids = { a: 'aaaaaaaa-0000-4000-8000-00000000000a' }

test('no tenant table at all', async () => {
  expect(await problems('')).toEqual([
    {
      at: '"column"',
      problem: 'is tenant_id, and no model has such a column',
      hint: 'name the column that your models have, or list those that are to get it: "addColumn": ["Project"]',
    },
  ])
})

test.each([
  ['uuid', 'String @map("tenant_id")', 'String', 'String @db.Uuid', 'text'],
  ['uuid', 'String[] @map("tenant_id") @db.Uuid', 'String[] @db.Uuid', 'String @db.Uuid', 'uuid'],
  ['int', 'BigInt @map("tenant_id")', 'BigInt', 'Int', 'bigint'],
  ['int', 'Int @map("tenant_id") @db.SmallInt', 'Int @db.SmallInt', 'Int', 'text'],
  ['text', 'String @map("tenant_id") @db.Uuid', 'String @db.Uuid', 'String', 'uuid'],
  ['text', 'String @map("tenant_id") @db.Citext', 'String @db.Citext', 'String', 'text'],
  ['bigint', 'Unsupported("xid8") @map("tenant_id")', 'Unsupported', 'BigInt', 'text'],
] as const)('tenant ids are %s and the column is %s', async (tenantId, field, shown, wanted, found) => {
  const models = `\nmodel Project {\n  id Int @id @default(autoincrement())\n  tenantId ${field}\n}\n`
  expect(await problems(models, { tenantId })).toEqual([
    {
      at: 'Project',
      problem: `has tenant_id as ${shown}, and tenant ids are configured as ${tenantId}`,
      hint: `declare the field as ${wanted}, or configure the type that it has: "tenantId": "${found}"`,
    },
  ])
})

test("a column is not added in another type than the tenants' own ids", async () => {
  const models = '\nmodel Project {\n  id Int @id @default(autoincrement())\n}\n'
  expect(await problems(models, { addColumn: ['Project'], tenantId: 'int' })).toEqual([
    { at: '"tenantId"', problem: 'is int, and the id of Company is String @db.Uuid', hint: '"tenantId": "uuid"' },
  ])
})

test('a unique key of a reached table that contains no parent would tell tenants about each other', async () => {
  const models = `${project}
  tasks Task[]
}

model Task {
  id        Int     @id @default(autoincrement())
  projectId Int
  project   Project @relation(fields: [projectId], references: [id])
  token     String  @unique
  place     Int

  @@unique([projectId, place])
}
`
  expect(await problems(models)).toEqual([
    {
      at: 'Task',
      problem: "has no tenant_id, and its unique key on token would tell tenants about each other's values",
      hint: '"addColumn": ["Task"], or "addColumn": "all"',
    },
  ])
  expect(await kinds(models, { addColumn: 'all' })).toContain('Task tenant')
})

test('a reached table that points at itself, or in a circle, has no policy that PostgreSQL would run', async () => {
  const models = `${project}
  tasks Task[]
}

model Task {
  id        Int     @id @default(autoincrement())
  projectId Int
  project   Project @relation(fields: [projectId], references: [id])
  parentId  Int?
  parent    Task?   @relation("tree", fields: [parentId], references: [id])
  children  Task[]  @relation("tree")
  lastId    Int?
  last      Note?   @relation("last", fields: [lastId], references: [id])
  notes     Note[]
}

model Note {
  id     Int    @id @default(autoincrement())
  taskId Int
  task   Task   @relation(fields: [taskId], references: [id])
  lastOf Task[] @relation("last")
}
`
  expect(await problems(models)).toMatchObject([
    {
      at: 'Task',
      problem: 'has no tenant_id and points at itself: PostgreSQL refuses a policy that asks its own table',
    },
    {
      at: 'Note',
      problem:
        'has no tenant_id and points at itself through others: PostgreSQL refuses a policy that asks its own table',
    },
  ])
  expect(await kinds(models, { addColumn: ['Task', 'Note'] })).toContain('Note tenant')
})

test('a tenant table does not point at a table without the column: its foreign key could cross tenants', async () => {
  const models = `${project}
  tasks Task[]
}

model Task {
  id        Int     @id @default(autoincrement())
  projectId Int
  project   Project @relation(fields: [projectId], references: [id])
  files     File[]
}

model File {
  id       Int    @id @default(autoincrement())
  tenantId String @map("tenant_id") @db.Uuid
  taskId   Int?
  task     Task?  @relation(fields: [taskId], references: [id])
}
`
  expect(await problems(models)).toEqual([
    {
      at: 'File',
      problem: "points at Task, which has no tenant_id, so that a row could point at another tenant's",
      hint: '"addColumn": ["Task"], or "addColumn": "all"',
    },
  ])
})

test('what references a tenant table by a key that gets the tenant must have the tenant itself', async () => {
  const models = `${project}
  slug  String @unique
  tasks Task[]
}

model Task {
  id   Int     @id @default(autoincrement())
  slug String
  project Project @relation(fields: [slug], references: [slug])
}
`
  expect(await problems(models)).toEqual([
    {
      at: 'Task',
      problem: 'references Project by slug, which becomes unique only within a tenant',
      hint: 'reference a surrogate key of Project (an @id with a default), or "addColumn": ["Task"], or "addColumn": "all"',
    },
  ])
})

test('an implicit many-to-many relation on a natural key, and a one-to-one relation to a shared table', async () => {
  const models = `
model Project {
  slug     String @id
  tenantId String @map("tenant_id") @db.Uuid
  tags     Tag[]
  planId   Int?   @unique
  plan     Plan?  @relation(fields: [planId], references: [id])
}

model Tag {
  id       Int       @id @default(autoincrement())
  tenantId String    @map("tenant_id") @db.Uuid
  projects Project[]
}

model Plan {
  id      Int      @id @default(autoincrement())
  project Project?
}
`
  expect(await problems(models, { shared: ['Plan'] })).toEqual([
    {
      at: 'Project',
      problem:
        'has the one-to-one relation plan to Plan, which is shared: its unique key would tell tenants about each other',
      hint: 'make the other side of plan a list, and planId not unique',
    },
    {
      at: 'Project',
      problem: 'has an implicit many-to-many relation with Tag, and a primary key that must get the tenant',
      hint: 'give its @id a default such as @default(uuid()), or make the join table a model of its own',
    },
  ])
})

test('a shared table with the column, a field name that is taken, a model in both lists', async () => {
  const models = `${project}}

model Plan {
  id       Int @id @default(autoincrement())
  tenantId Int
}
`
  expect(await problems(models, { shared: ['Project'], addColumn: ['Plan', 'Company'] })).toEqual([
    { at: '"addColumn"', problem: 'names Company, which is shared', hint: 'take it out of one of the two' },
    {
      at: 'Project',
      problem: 'is declared shared and has tenant_id: every tenant would read all of its rows',
      hint: 'take it out of "shared"',
    },
    {
      at: 'Plan',
      problem: 'is to get the field tenantId, and has one whose column is tenantId',
      hint: '"column": "tenantId" if that is the tenant, else another name for the new field: "field": "rowTenantId"',
    },
  ])
})

test('a relation that compares the tenant with something else is refused', async () => {
  const models = `${project}
  owner  String @db.Uuid
  tasks  Task[]

  @@unique([owner, id])
}

model Task {
  id        Int     @id @default(autoincrement())
  tenantId  String  @map("tenant_id") @db.Uuid
  projectId Int
  project   Project @relation(fields: [tenantId, projectId], references: [owner, id])
}
`
  expect(await problems(models)).toEqual([
    {
      at: 'Task',
      problem: 'has the relation project to Project that compares its tenant with another field',
      hint: 'let project reference the tenant of Project by tenantId',
    },
  ])
})
