// Proves what the edit of a schema looks like, on models that a reader can compare line by line.
import { expect, test } from 'vitest'
import { editSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import { configOf, divided, modelsOf, schemaOf } from './example.js'

const company = 'model Company {\n  id String @id @default(uuid()) @db.Uuid\n}\n'

/** The models of the example after the edit, without the tenant's own. */
async function edited(models: string, config: Parameters<typeof divided>[1] = {}): Promise<string> {
  const result = await divided(`${company}${models}`, config)
  expect(result.models.startsWith(company)).toBe(true)
  return result.models.slice(company.length)
}

const byDefault = `@default(dbgenerated("(NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid"))`

test('a tenant table gets the default and the indexes; comments, columns and other lines stay', async () => {
  expect(
    await edited(`
/// What we sell to whom.
model Project {
  id        Int       @id @default(autoincrement()) // short
  companyId String    @map("tenant_id") @db.Uuid    // whose
  // when
  createdAt DateTime  @default(now())
  doneAt    DateTime?

  /// as in the old system
  @@map("projects")
}
`),
  ).toBe(`
/// What we sell to whom.
model Project {
  id        Int       @id @default(autoincrement()) // short
  companyId String    @map("tenant_id") @db.Uuid ${byDefault}    // whose
  // when
  createdAt DateTime  @default(now())
  doneAt    DateTime?

  @@index([companyId, id])
  @@index([companyId, createdAt])

  /// as in the old system
  @@map("projects")
}
`)
})

test('a model without the column gets the field below its key, in the columns of its neighbours', async () => {
  expect(
    await edited(
      `
model Project {
  id   String @id @default(uuid()) @db.Uuid
  name String
}
`,
      { addColumn: ['Project'] },
    ),
  ).toBe(`
model Project {
  id   String @id @default(uuid()) @db.Uuid
  tenantId String ${byDefault} @map("tenant_id") @db.Uuid
  name String

  @@index([tenantId, id])
}
`)
})

test.each([
  ['uuid', 'String', '@id @default(uuid()) @db.Uuid', '(%)::uuid', ' @db.Uuid'],
  ['int', 'Int   ', '@id @default(autoincrement())', '(%)::integer', ''],
  ['bigint', 'BigInt', '@id @default(autoincrement())', '(%)::bigint', ''],
  ['text', 'String', '@id @default(cuid())', '%', ''],
] as const)(
  'a tenant id of type %s, a field and a setting of their own names',
  async (type, field, id, value, native) => {
    const config = { tenantId: type, column: 'org', field: 'org', setting: 'crm.org', addColumn: ['Project'] }
    const files = schemaOf(`model Company {\n  id ${field} ${id}\n}\n\nmodel Project {\n  id  Int    @id\n}\n`)
    const [, project] = modelsOf(editSchema(await readSchema(files), configOf(config))).split('\n\nmodel ')
    const setting = value.replace('%', "NULLIF(current_setting('crm.org'::text, true), ''::text)")
    expect(project).toBe(
      `Project {
  id  Int
  org ${field} @default(dbgenerated("${setting}"))${native}

  @@id([org, id])
}
`.replace('Int    \n', 'Int\n'),
    )
  },
)

test('a nullable tenant column becomes required, and its place in the line is kept', async () => {
  expect(
    await edited(`
model Project {
  id       Int     @id @default(autoincrement())
  tenantId String? @map("tenant_id") @db.Uuid
}
`),
  ).toBe(`
model Project {
  id       Int     @id @default(autoincrement())
  tenantId String  @map("tenant_id") @db.Uuid ${byDefault}

  @@index([tenantId, id])
}
`)
})

/** What a tenant field looks like that needs no edit. */
const tenantId = `tenantId String @map("tenant_id") @db.Uuid ${byDefault}`

test('unique keys get the tenant in front; name: stays, map: goes, what contains the tenant stays', async () => {
  expect(
    await edited(`
model Project {
  id     Int    @id @default(autoincrement())
  ${tenantId}
  slug   String @unique @db.VarChar(80)
  number Int    @unique(map: "no", sort: Desc) // counted
  code   Int

  @@unique([slug, number(sort: Desc)], map: "old", name: "bySlug")
  @@unique([code, tenantId])
  @@index([tenantId, id])
}
`),
  ).toBe(`
model Project {
  id     Int    @id @default(autoincrement())
  ${tenantId}
  slug   String @db.VarChar(80)
  number Int // counted
  code   Int

  @@unique([tenantId, slug, number(sort: Desc)], name: "bySlug")
  @@unique([code, tenantId])
  @@index([tenantId, id])
  @@unique([tenantId, slug])
  @@unique([tenantId, number(sort: Desc)])
}
`)
})

test('a natural primary key gets the tenant; a surrogate key stays', async () => {
  expect(
    await edited(`
model Country {
  code String @id(map: "country_pk") @db.Char(2)
  ${tenantId}
}

model Rate {
  ${tenantId}
  from String
  to   String

  @@id([from, to], name: "pair", map: "rate_pk")
}

model Token {
  id String @id @db.Uuid
  ${tenantId}
  @@index([tenantId, id])
}
`),
  ).toBe(`
model Country {
  code String @db.Char(2)
  ${tenantId}

  @@id([tenantId, code], map: "country_pk")
}

model Rate {
  ${tenantId}
  from String
  to   String

  @@id([tenantId, from, to], name: "pair", map: "rate_pk")
}

model Token {
  id String @id @db.Uuid
  ${tenantId}
  @@index([tenantId, id])
}
`)
})

test('relations between tenant tables contain the tenant: required, optional, to itself, by another key, one to one', async () => {
  expect(
    await edited(`
model User {
  id       Int       @id @default(autoincrement())
  ${tenantId}
  email    String    @unique
  bossId   Int?
  boss     User?     @relation("team", fields: [bossId], references: [id])
  team     User[]    @relation("team")
  owned    Project[] @relation("owner")
  reviewed Project[] @relation("reviewer")
  profile  Profile?
}

model Project {
  id         Int     @id @default(autoincrement())
  ${tenantId}
  ownerEmail String
  owner      User    @relation("owner", fields: [ownerEmail], references: [email], onDelete: Cascade, map: "project_owner")
  reviewerId Int?
  reviewer   User?   @relation(name: "reviewer", references: [id], fields: [reviewerId], onUpdate: Restrict) // who looks

  @@index([tenantId, id])
}

model Profile {
  id     Int  @id @default(autoincrement())
  ${tenantId}
  userId Int  @unique
  user   User @relation(fields: [userId], references: [id])

  @@index([tenantId, id])
}
`),
  ).toBe(`
model User {
  id       Int       @id @default(autoincrement())
  ${tenantId}
  email    String
  bossId   Int?
  boss     User?     @relation("team", fields: [tenantId, bossId], references: [tenantId, id], onDelete: SetNull)
  team     User[]    @relation("team")
  owned    Project[] @relation("owner")
  reviewed Project[] @relation("reviewer")
  profile  Profile?

  @@unique([tenantId, email])
  @@unique([tenantId, id])
}

model Project {
  id         Int     @id @default(autoincrement())
  ${tenantId}
  ownerEmail String
  owner      User    @relation("owner", fields: [tenantId, ownerEmail], references: [tenantId, email], onDelete: Cascade)
  reviewerId Int?
  reviewer   User?   @relation(name: "reviewer", references: [tenantId, id], fields: [tenantId, reviewerId], onUpdate: Restrict, onDelete: SetNull) // who looks

  @@index([tenantId, id])
}

model Profile {
  id     Int  @id @default(autoincrement())
  ${tenantId}
  userId Int
  user   User @relation(fields: [tenantId, userId], references: [tenantId, id])

  @@index([tenantId, id])
  @@unique([tenantId, userId])
}
`)
})

test('a one-to-one relation on the primary key gets the unique key that Prisma asks for', async () => {
  const models = await edited(`
model User {
  id      Int      @id @default(autoincrement())
  ${tenantId}
  profile Profile?
}

model Profile {
  userId Int  @id @default(autoincrement())
  ${tenantId}
  user   User @relation(fields: [userId], references: [id])
}
`)
  expect(models).toContain('userId Int  @id @default(autoincrement())')
  expect(models).toContain('  @@unique([tenantId, userId])\n')
})

test('a composite relation contains the tenant once, and one that has it already is left alone', async () => {
  expect(
    await edited(`
model Rate {
  ${tenantId}
  from   String
  to     String
  orders Order[]
  quotes Quote[]

  @@id([from, to])
}

model Order {
  id   Int    @id @default(autoincrement())
  ${tenantId}
  from String
  to   String
  rate Rate   @relation(fields: [from, to], references: [from, to])

  @@index([tenantId, id])
}

model Quote {
  id       Int    @id @default(autoincrement())
  ${tenantId}
  rateFrom String?
  rateTo   String?
  rate     Rate?  @relation(fields: [rateFrom, rateTo], references: [from, to])

  @@index([tenantId, id])
}
`),
  ).toContain(`
  rate Rate   @relation(fields: [tenantId, from, to], references: [tenantId, from, to])
`)
  const already = `
model Order {
  id    Int    @id @default(autoincrement())
  ${tenantId}
  lines Line[]

  @@unique([id, tenantId])
  @@index([tenantId, id])
}

model Line {
  ${tenantId}
  orderId Int?
  number  Int
  order   Order? @relation(fields: [orderId, tenantId], references: [id, tenantId])

  @@id([tenantId, number])
}
`
  expect(await edited(already)).toBe(already)
})

test('the relation to the tenant keeps its one column; a row cannot lose its tenant by SetNull', async () => {
  const { models } = await divided(`
model Company {
  id       String    @id @default(uuid()) @db.Uuid
  projects Project[]
}

model Project {
  id        Int      @id @default(autoincrement())
  companyId String?  @map("tenant_id") @db.Uuid
  company   Company? @relation(fields: [companyId], references: [id], onDelete: SetNull)
}
`)
  expect(models).toContain(
    '  company   Company? @relation(fields: [companyId], references: [id], onDelete: Restrict)\n',
  )
})

test('a table reached through its parents, a shared one and an enum are not touched', async () => {
  const untouched = `
enum Colour {
  red
}

model Country {
  code   String  @id
  name   String  @unique
  places Place[]
}

model Place {
  id        Int      @id @default(autoincrement())
  ${tenantId}
  countryId String?
  country   Country? @relation(fields: [countryId], references: [code])
  notes     Note[]

  @@index([tenantId, id])
}

model Note {
  id      Int   @id @default(autoincrement())
  placeId Int
  place   Place @relation(fields: [placeId], references: [id])
}
`
  expect(await edited(untouched, { shared: ['Country'] })).toBe(untouched)
})

test('a name that Prisma would cut, or that is taken, is written down', async () => {
  const long = `a_rather_long_name_of_a_column_in_a_table_that_goes_on_and_on`
  const models = await edited(`
model Project {
  id   Int    @id @default(autoincrement())
  ${tenantId}
  ${long} String @unique
  a    Int    @unique
  b    Int

  @@index([b], map: "Project_tenant_id_a_key")
}
`)
  const maps = [...models.matchAll(/@@unique\(\[(.*)\], map: "(.*)"\)/g)].map(([, fields, map]) => [fields, map])
  expect(maps).toEqual([
    [`tenantId, ${long}`, expect.stringMatching(/^Project_tenant_id_a_rather_long_.*_[0-9a-f]{12}_key$/)],
    ['tenantId, a', expect.stringMatching(/^Project_tenant_id_a_[0-9a-f]{12}_key$/)],
  ])
  for (const [, map = ''] of maps) expect(Buffer.byteLength(map)).toBeLessThanOrEqual(63)
})

test('a unique key beside one that has the tenant in front of the same columns goes', async () => {
  expect(
    await edited(`
model Project {
  id   Int    @id @default(autoincrement())
  ${tenantId}
  slug String @unique
  no   Int

  @@unique([tenantId, slug])
  // twice
  @@unique([no])
  @@unique([tenantId, no])
  @@index([tenantId, id])
}
`),
  ).toBe(`
model Project {
  id   Int    @id @default(autoincrement())
  ${tenantId}
  slug String
  no   Int

  @@unique([tenantId, slug])
  // twice
  @@unique([tenantId, no])
  @@index([tenantId, id])
}
`)
})

test("tabs and CRLF are kept, and a model of the client's ignored ones is edited like any other", async () => {
  const models = `${company}
model Project {
\tid\tInt\t@id @default(autoincrement())
\ttenantId\tString?\t@map("tenant_id") @db.Uuid
\tslug\tString\t@unique
\tat\tDateTime\t@map("created_at")
\t@@ignore
}
`
  const files = schemaOf(models).map((file) => ({ ...file, text: file.text.replaceAll('\n', '\r\n') }))
  const [file] = editSchema(await readSchema(files), configOf())
  expect(file?.text.replaceAll('\r\n', '')).not.toContain('\n')
  expect(file?.text).toContain(
    [
      '',
      '\tid\tInt\t@id @default(autoincrement())',
      `\ttenantId\tString \t@map("tenant_id") @db.Uuid ${byDefault}`,
      '\tslug\tString',
      '\tat\tDateTime\t@map("created_at")',
      '',
      '\t@@unique([tenantId, slug])',
      '\t@@index([tenantId, id])',
      '\t@@index([tenantId, at])',
      '\t@@ignore',
      '}',
    ].join('\r\n'),
  )
})

test('an edited schema comes back unchanged, file by file', async () => {
  const { models } = await divided(`${company}\nmodel Project {\n  id Int @id\n  slug String @unique\n}\n`, {
    addColumn: ['Project'],
  })
  const files = schemaOf(models)
  const again = editSchema(await readSchema(files), configOf({ addColumn: ['Project'] }))
  expect(again[0]).toBe(files[0])
})
