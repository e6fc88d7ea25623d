// Proves that a schema is read as Prisma reads it, what Prisma's parser does not hand out included, and that what cannot
// be read is refused with a hint.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSchema, readSchema } from '../../src/schema/read.js'
import { schemaOf } from './example.js'
import { refusal } from './refusal.js'

test('columns, keys and foreign keys have the names that they have in the database', async () => {
  const { models } = await readSchema(
    schemaOf(`
model User {
  id        String   @id(map: "users_pk") @default(uuid()) @map("user_id") @db.Uuid
  companyId Int?     @map("tenant_id")
  email     String   @unique @db.VarChar(200)
  boss      User?    @relation("team", fields: [bossId], references: [id])
  bossId    String?  @map("boss_id") @db.Uuid
  team      User[]   @relation("team")
  at        DateTime @default(now())

  @@unique(fields: [companyId, at(sort: Desc)], name: "byTime")
  @@index([at], map: "by at", type: Hash)
  @@map("users")
}
`),
  )
  const [user] = models
  expect(user?.table).toBe('users')
  expect(
    user?.fields.map(({ name, column, type, nativeType, optional }) => [name, column, type, nativeType, optional]),
  ).toEqual([
    ['id', 'user_id', 'String', 'Uuid', false],
    ['companyId', 'tenant_id', 'Int', undefined, true],
    ['email', 'email', 'String', 'VarChar', false],
    ['bossId', 'boss_id', 'String', 'Uuid', true],
    ['at', 'at', 'DateTime', undefined, false],
  ])
  expect(user?.primaryKey).toMatchObject({ name: 'users_pk', fields: ['id'] })
  expect(user?.uniques.map(({ name, fields, descending }) => ({ name, fields, descending }))).toEqual([
    { name: 'users_email_key', fields: ['email'], descending: [] },
    { name: 'users_tenant_id_at_key', fields: ['companyId', 'at'], descending: ['at'] },
  ])
  expect(user?.indexes.map(({ name }) => name)).toEqual(['by at'])
  expect(user?.relations).toMatchObject([
    {
      name: 'boss',
      parent: 'User',
      fields: ['bossId'],
      references: ['id'],
      constraint: 'users_boss_id_fkey',
      oneToOne: false,
    },
  ])
})

test('what the client ignores exists all the same: @@ignore models, @ignore fields, Unsupported columns', async () => {
  const { models, manyToMany } = await readSchema(
    schemaOf(`
model Company {
  id      String   @id
  place   Unsupported("circle")?
  secret  String   @ignore
  hidden  Hidden[] @ignore
  hidden2 Hidden[] @relation("joined") @ignore
}

model Hidden {
  id        String    @id
  companyId String    @unique @map("company id")
  company   Company   @relation(fields: [companyId], references: [id])
  companies Company[] @relation("joined")

  @@ignore
}
`),
  )
  expect(models.map(({ name, ignored }) => [name, ignored])).toEqual([
    ['Company', false],
    ['Hidden', true],
  ])
  expect(models[0]?.fields.map(({ name, type }) => [name, type])).toEqual([
    ['id', 'String'],
    ['place', 'Unsupported'],
    ['secret', 'String'],
  ])
  expect(models[1]?.uniques.map(({ name }) => name)).toEqual(['Hidden_company id_key'])
  expect(models[1]?.relations).toMatchObject([{ parent: 'Company', constraint: 'Hidden_company id_fkey' }])
  expect(manyToMany).toEqual([{ a: 'Company', b: 'Hidden', table: '_joined' }])
})

test('implicit many-to-many relations are found once, each with its table and its columns', async () => {
  const { manyToMany } = await readSchema(
    schemaOf(`
model Post {
  id      Int   @id
  tags    Tag[]
  marks   Tag[] @relation("Marked posts")
  before  Post[] @relation("order")
  after   Post[] @relation("order")
}

model Tag {
  id     Int    @id
  posts  Post[]
  marked Post[] @relation(name: "Marked posts")
}
`),
  )
  expect(manyToMany).toEqual([
    { a: 'Post', b: 'Tag', table: '_PostToTag' },
    { a: 'Post', b: 'Tag', table: '_Marked posts' },
    { a: 'Post', b: 'Post', table: '_order' },
  ])
})

test('comments, strings with braces, tabs, CRLF and a schema without a last line break are read as they are meant', async () => {
  const text = `// model Gone {
/* model Gone2 {
 id Int @id
} */
model User {\t// opens
\t/// @@map("not this")
\tid\tInt\t@id // @map("nor this") }
\tname\tString\t@default("// \\" } @unique") @map("na\\u006de")
\t/* in front */ other Int
\t// @@map("nor that")
\t@@map("users") // closes
}`
  for (const eol of ['\n', '\r\n', '\r']) {
    const { models } = await readSchema(
      schemaOf(text).map((file) => ({ ...file, text: file.text.replaceAll('\n', eol) })),
    )
    expect(models.map(({ name, table }) => [name, table])).toEqual([['User', 'users']])
    expect(models[0]?.fields.map(({ name, column }) => [name, column])).toEqual([
      ['id', 'id'],
      ['name', 'name'],
      ['other', 'other'],
    ])
    expect(models[0]?.uniques).toEqual([])
  }
})

test('with several schemas every table has its own, join tables and views too', async () => {
  const file = {
    path: 'schema.prisma',
    text: `generator client {
  provider        = "prisma-client"
  output          = "../generated"
  previewFeatures = ["views"]
}

datasource db {
  provider = "postgresql"
  schemas  = ["crm", "a, \\"b"]
}

model Post {
  id   Int   @id
  tags Tag[]
  @@map("posts")
  @@schema("crm")
}

model Tag {
  id    Int    @id
  posts Post[]
  @@schema("a, \\"b")
}

view Totals {
  id Int @unique
  @@schema("crm")
}
`,
  }
  const schema = await readSchema([file])
  expect(schema.schemas).toEqual(['crm', 'a, "b'])
  expect(schema.models.map(({ table }) => table)).toEqual([
    { schema: 'crm', table: 'posts' },
    { schema: 'a, "b', table: 'Tag' },
  ])
  expect(schema.manyToMany).toMatchObject([{ table: { schema: 'crm', table: '_PostToTag' } }])
  expect(schema.views).toEqual([{ name: 'Totals', table: { schema: 'crm', table: 'Totals' }, references: [] }])
})

describe('refused with a hint', () => {
  test("a schema that Prisma refuses, with Prisma's message, file and line, and without colours", async () => {
    expect(await refusal(readSchema(schemaOf('model User {\n  id Imt @id\n}\n', 'prisma/user.prisma')))).toEqual({
      code: 'CONFIG.INVALID',
      message: expect.stringContaining(`Prisma cannot read the schema.
error: Type "Imt" is neither a built-in type, nor refers to another model, composite type, or enum.
  -->  prisma/user.prisma:11
   | 
10 | model User {
11 |   id Imt @id
   | 

Validation Error Count: 1`),
      hint: 'Correct the schema until `npx prisma validate` accepts it.',
    })
  })

  test.each([
    ['mysql', 'The schema is for the provider "mysql".'],
    ['cockroachdb', 'The schema is for the provider "cockroachdb".'],
  ])('a schema for %s', async (provider, message) => {
    const files = schemaOf('model User {\n  id Int @id\n}\n').map((file) => ({
      ...file,
      text: file.text.replace('"postgresql"', `"${provider}"`),
    }))
    const hint = 'Row-level security is PostgreSQL\'s: write provider = "postgresql" in the datasource block.'
    expect(await refusal(readSchema(files))).toEqual({ code: 'CONFIG.INVALID', message, hint })
  })

  test('a schema without a datasource', async () => {
    const { message } = await refusal(readSchema([{ path: 'x.prisma', text: 'model User {\n  id Int @id\n}\n' }]))
    expect(message).toBe('The schema is for no database.')
  })

  test('relationMode = "prisma", which has no foreign keys', async () => {
    const files = schemaOf('model User {\n  id Int @id\n}\n').map((file) => ({
      ...file,
      text: file.text.replace('"postgresql"', '"postgresql"\n  relationMode = "prisma"'),
    }))
    expect(await refusal(readSchema(files))).toEqual({
      code: 'CONFIG.INVALID',
      message:
        'The schema has relationMode = "prisma", so that no foreign key keeps a row from pointing at another tenant\'s.',
      hint: 'Take relationMode out of the datasource block, and let `npx prisma migrate dev` create the foreign keys.',
    })
  })
})

describe('on disk', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenancy-schema-'))
    await mkdir(join(folder, 'many', 'models', 'node_modules'), { recursive: true })
    await mkdir(join(folder, 'none'))
    const [main] = schemaOf('model User {\n  id    Int    @id\n  posts Post[]\n}\n')
    await writeFile(join(folder, 'many', 'schema.prisma'), main?.text ?? '')
    await writeFile(
      join(folder, 'many', 'models', 'post.prisma'),
      'model Post {\n  id     Int  @id\n  userId Int\n  user   User @relation(fields: [userId], references: [id])\n}\n',
    )
    await writeFile(join(folder, 'many', 'models', 'node_modules', 'other.prisma'), 'not a schema')
    await writeFile(join(folder, 'many', 'notes.md'), 'not a schema')
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('a folder is one schema, whatever lies below it; node_modules and other files are not', async () => {
    const { models, files } = await loadSchema(join(folder, 'many'))
    expect(models.map(({ name }) => name)).toEqual(['Post', 'User'])
    expect(files).toHaveLength(2)
  })

  test('a file is a schema', async () => {
    expect((await refusal(loadSchema(join(folder, 'many', 'schema.prisma')))).message).toContain(
      'Type "Post" is neither',
    )
  })

  test('a path where nothing is, and a folder without a schema, are refused with a hint', async () => {
    expect(await refusal(loadSchema('gone.prisma'))).toEqual({
      code: 'CONFIG.INVALID',
      message: expect.stringContaining('There is no Prisma schema at "gone.prisma".'),
      hint: 'Write its path into tenancy.config.json: "schema": "prisma/schema.prisma" or a folder of .prisma files.',
    })
    expect((await refusal(loadSchema(join(folder, 'none')))).hint).toBe(
      'Write the path of the schema, or of its folder.',
    )
  })
})
