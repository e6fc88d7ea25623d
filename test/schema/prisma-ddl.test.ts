// Proves that after the edit Prisma has nothing to undo: what Prisma would do to get from the schema before to the schema
// after is what the desired state says, name by name and column by column, and nothing else.
import { expect, test } from 'vitest'
import type { TenancyConfig } from '../../src/schema/config.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import type { SchemaFile } from '../../src/schema/source.js'
import { ddlBetween, ddlOf } from '../support/prisma-ddl.js'
import { factsOfDdl, factsOfDesired } from './ddl-facts.js'
import { configOf, schemaOf } from './example.js'

async function compared(files: SchemaFile[], options: Partial<TenancyConfig> = {}) {
  const config = configOf(options)
  const before = await readSchema(files)
  const after = await editedSchema(before, config)
  const desired = desiredState(after, before, config)
  return {
    ddl: factsOfDdl(await ddlBetween(before.files, after.files)),
    desired: factsOfDesired(desired),
    after,
    state: desired,
  }
}

const everything = `
model Company {
  id    Int    @id @default(autoincrement()) @map("company_id")
  users User[]
  @@map("companies")
}

model User {
  id        BigInt    @id @default(autoincrement()) @map("user_id")
  org       Int?      @map("Tenant Id")
  company   Company?  @relation(fields: [org], references: [id])
  email     String    @unique(map: "mails") @map("e-mail")
  bossId    BigInt?
  boss      User?     @relation("team", fields: [bossId], references: [id], map: "boss")
  team      User[]    @relation("team")
  createdAt DateTime  @map("created at")
  owned     Project[] @relation("owner")
  reviewed  Project[] @relation("reviewer")
  profile   Profile?
  tags      Tag[]

  @@map("Users, all")
}

model Profile {
  slug   String @id(map: "profile pk")
  userId BigInt? @unique
  user   User?  @relation(fields: [userId], references: [id], onDelete: SetDefault, onUpdate: NoAction)
}

model Project {
  key        String
  part       Int
  org        Int     @default(7) @map("Tenant Id")
  ownerEmail String  @map("owner_email")
  owner      User    @relation("owner", fields: [ownerEmail], references: [email], onDelete: Cascade)
  reviewerId BigInt?
  reviewer   User?   @relation("reviewer", fields: [reviewerId], references: [id], onDelete: NoAction, map: "reviewed by")
  tasks      Task[]

  @@id([key, part])
  @@unique([reviewerId, part(sort: Desc)], where: raw("part > 1"))
  @@map("projects_with_a_name_that_is_so_long_that_prisma_must_cut_it")
}

model Task {
  id          Int      @id @default(autoincrement())
  projectKey  String?
  projectPart Int?
  project     Project? @relation(fields: [projectKey, projectPart], references: [key, part])
  state       State
  notes       Note[]

  @@index([projectKey])
  @@ignore
}

model Note {
  id     Int  @id @default(autoincrement())
  taskId Int
  task   Task @relation(fields: [taskId], references: [id]) @ignore
  parent Note? @relation("thread", fields: [parentId], references: [id])
  parentId Int?
  children Note[] @relation("thread")
}

model Tag {
  id    String @id @default(dbgenerated("gen_random_uuid()")) @db.Uuid
  org   Int    @map("Tenant Id")
  name  String
  users User[]

  @@unique([name, org], name: "perTenant")
  @@unique([org, id])
}

enum State {
  open
  done
}
`

/** The example, with the preview feature that its partial unique key needs and what an ignored model asks for. */
function files(): SchemaFile[] {
  return schemaOf(everything).map(({ path, text }) => ({
    path,
    text: text
      .replace('  output   = "../generated"', '  output   = "../generated"\n  previewFeatures = ["partialIndexes"]')
      .replace('  tasks      Task[]', '  tasks      Task[] @ignore'),
  }))
}

const options: Partial<TenancyConfig> = {
  tenantId: 'int',
  column: 'Tenant Id',
  field: 'org',
  setting: 'crm.org',
  addColumn: 'all',
}

test('the difference that Prisma sees between both schemas is the desired state', async () => {
  const { ddl, desired } = await compared(files(), options)
  expect(ddl).toEqual(desired)
  expect(desired).toHaveLength(36)
})

test('with several schemas every table is named with its own', async () => {
  const [file] = files()
  let text = (file?.text ?? '').replace('"postgresql"', '"postgresql"\n  schemas = ["public", "My crm"]')
  let count = 0
  text = text.replaceAll(/^(model|enum)[\s\S]*?^}/gm, (block) =>
    block.replace(/}$/, `  @@schema("${count++ % 2 ? 'public' : 'My crm'}")\n}`),
  )
  const { ddl, desired, state } = await compared([{ path: 'x.prisma', text }], options)
  expect(ddl).toEqual(desired)
  expect(state.schemas).toEqual(['public', 'My crm'])
  expect(state.tables.every(({ table }) => typeof table === 'object')).toBe(true)
})

test('every table of the desired state, join tables included, is one that Prisma makes, and none is missing', async () => {
  const { after, state } = await compared(files(), options)
  const made = [...(await ddlOf(after.files)).matchAll(/^CREATE TABLE "(.*)" \($/gm)].map(([, name]) => name)
  expect(state.tables.map(({ table }) => table).sort()).toEqual(made.sort())
})

test('a schema in which tenants are apart leaves Prisma nothing to do and the desired state nothing to build', async () => {
  const { after } = await compared(files(), options)
  const again = await compared([...after.files], options)
  expect(again.ddl).toEqual([])
  expect(again.desired).toEqual([])
})
