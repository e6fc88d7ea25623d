// Proves the parts of the desired state that Prisma's DDL does not show: who is reached by which path, where the tenant of
// existing rows comes from, in which order, which keys stay without the tenant, and what needs the trigger.
import { expect, test } from 'vitest'
import type { TenantTable } from '../../src/schema/desired.js'
import { divided } from './example.js'

const company = 'model Company {\n  id String @id @default(uuid()) @db.Uuid\n  @@map("companies")\n}\n'
const tenantId = 'tenantId String @map("tenant_id") @db.Uuid'

async function tables(models: string, config: Parameters<typeof divided>[1] = {}) {
  const { desired } = await divided(models.includes('model Company') ? models : company + models, config)
  return { ...desired, tenant: desired.tables.filter((table): table is TenantTable => table.kind === 'tenant') }
}

const reached = `
model Line {
  id      Int   @id @default(autoincrement())
  orderId Int   @map("order_id")
  order   Order @relation(fields: [orderId], references: [id])
  mayId   Int?  @map("may_id")
  may     Item? @relation(fields: [mayId], references: [id])
  tags    Tag[]
}

model Order {
  id        Int     @id @default(autoincrement()) @map("order_no")
  projectId Int     @map("project_id")
  project   Project @relation(fields: [projectId], references: [id])
  otherId   Int?
  other     Project? @relation("other", fields: [otherId], references: [id])
  lines     Line[]
}

model Project {
  id     Int     @id @default(autoincrement())
  ${tenantId}
  orders Order[]
  others Order[] @relation("other")
}

model Item {
  id    Int    @id @default(autoincrement())
  ${tenantId}
  lines Line[]
}

model Tag {
  id    Int    @id @default(autoincrement())
  lines Line[]
}
`

test("a reached table has a path by every foreign key to a protected table; a parent's own paths are the required ones", async () => {
  const desired = await tables(reached, { shared: ['Tag'] })
  const order = {
    table: 'Order',
    parents: [{ keys: [['project_id', 'id']], required: true, table: 'Project', column: 'tenant_id' }],
  }
  expect(desired.tables.filter(({ kind }) => kind === 'reached')).toEqual([
    {
      kind: 'reached',
      model: 'Order',
      table: 'Order',
      parents: [
        ...order.parents,
        { keys: [['otherId', 'id']], required: false, table: 'Project', column: 'tenant_id' },
      ],
    },
    {
      kind: 'reached',
      model: 'Line',
      table: 'Line',
      parents: [
        { keys: [['order_id', 'order_no']], required: true, ...order },
        { keys: [['may_id', 'id']], required: false, table: 'Item', column: 'tenant_id' },
      ],
    },
  ])
})

test('a join table belongs to both of its sides, to the one that is not shared, or to nobody', async () => {
  const desired = await tables(
    `
model A {
  id Int @id @default(autoincrement())
  ${tenantId}
  bs B[]
  ss S[]
}

model B {
  id BigInt @id @default(autoincrement()) @map("b_id")
  ${tenantId}
  as A[]
  before B[] @relation("order")
  after  B[] @relation("order")
}

model S {
  id Int @id
  as A[]
  ts T[]
}

model T {
  id Int @id
  ss S[]
}
`,
    { shared: ['S', 'T'] },
  )
  const a = { keys: [['A', 'id']], required: true, table: 'A', column: 'tenant_id' }
  const b = (column: string) => ({ keys: [[column, 'b_id']], required: true, table: 'B', column: 'tenant_id' })
  expect(desired.tables.slice(-4)).toEqual([
    { kind: 'manyToMany', table: '_AToB', parents: [a, b('B')] },
    { kind: 'manyToMany', table: '_AToS', parents: [a] },
    { kind: 'manyToMany', table: '_order', parents: [b('A'), b('B')] },
    { kind: 'shared', table: '_SToT' },
  ])
})

test('existing rows take the tenant of a parent that they must have, else of those they may have, else the one configured', async () => {
  const tenant = 'aaaaaaaa-0000-4000-8000-00000000000a'
  const { tenant: found } = await tables(
    `
model Company {
  id    String @id @default(uuid()) @db.Uuid @map("company_id")
  bills Bill[]
  @@map("companies")
}

model Task {
  id     Int  @id @default(autoincrement())
  noteId Int?
  note   Note? @relation(fields: [noteId], references: [id])
  billId Int?
  bill   Bill? @relation(fields: [billId], references: [id])
}

model Note {
  id     Int    @id @default(autoincrement())
  billId Int    @map("bill_id")
  bill   Bill   @relation(fields: [billId], references: [id])
  tasks  Task[]
}

model Bill {
  id      Int     @id @default(autoincrement())
  owner   String  @db.Uuid
  company Company @relation(fields: [owner], references: [id])
  notes   Note[]
  tasks   Task[]
}

model Log {
  id       Int     @id @default(autoincrement())
  tenantId String? @map("tenant_id") @db.Uuid
}

model Done {
  id Int @id @default(autoincrement())
  ${tenantId}
}
`,
    { addColumn: ['Task', 'Note', 'Bill'], backfill: { '*': tenant } },
  )
  expect(found.map(({ model, backfill }) => [model, backfill])).toEqual([
    ['Bill', [{ parent: { table: 'companies', column: 'company_id', keys: [['owner', 'company_id']] } }]],
    ['Note', [{ parent: { table: 'Bill', column: 'tenant_id', keys: [['bill_id', 'id']] } }]],
    [
      'Task',
      [
        { parent: { table: 'Note', column: 'tenant_id', keys: [['noteId', 'id']] } },
        { parent: { table: 'Bill', column: 'tenant_id', keys: [['billId', 'id']] } },
        { tenant },
      ],
    ],
    ['Log', [{ tenant }]],
    ['Done', []],
  ])
})

test('in a circle the table that somebody outside of it tells is filled first', async () => {
  const { tenant } = await tables(
    `
model Task {
  id        Int     @id @default(autoincrement())
  projectId Int
  project   Project @relation("in", fields: [projectId], references: [id])
  firstOf   Project[] @relation("first")
}

model Project {
  id      Int    @id @default(autoincrement())
  firstId Int
  first   Task   @relation("first", fields: [firstId], references: [id])
  teamId  Int
  team    Team   @relation(fields: [teamId], references: [id])
  tasks   Task[] @relation("in")
}

model Team {
  id       Int       @id @default(autoincrement())
  ${tenantId}
  projects Project[]
}
`,
    { addColumn: 'all' },
  )
  expect(tenant.map(({ model }) => model)).toEqual(['Team', 'Project', 'Task'])
  expect(tenant[1]?.backfill).toEqual([{ parent: { table: 'Team', column: 'tenant_id', keys: [['teamId', 'id']] } }])
})

test("a default of the user's own is told apart from the tenant in scope", async () => {
  const { tenant } = await tables(`
model Own {
  id Int @id @default(autoincrement())
  ${tenantId} @default("aaaaaaaa-0000-4000-8000-00000000000a")
}

model Ours {
  id Int @id @default(autoincrement())
  ${tenantId} @default(dbgenerated("(NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid"))
}

model None {
  id Int @id @default(autoincrement())
  ${tenantId}
}
`)
  expect(tenant.map(({ model, hadDefault, defaultIsThere }) => [model, hadDefault, defaultIsThere])).toEqual([
    ['Own', true, false],
    ['Ours', false, true],
    ['None', false, false],
  ])
})

test('surrogate keys are listed, natural ones and those of shared tables are not', async () => {
  const { surrogateKeys } = await tables(
    `${reached}
model Rate {
  code String @id
  ${tenantId}
}

model Settings {
  ${tenantId} @id
}
`,
    { shared: ['Tag'] },
  )
  expect(surrogateKeys.map(({ table, columns }) => [table, ...columns])).toEqual([
    ['Line', 'id'],
    ['Order', 'order_no'],
    ['Project', 'id'],
    ['Item', 'id'],
  ])
})

test('the trigger is needed where a key with the tenant in it may be emptied', async () => {
  const { tenant } = await tables(`
model User {
  id    Int    @id @default(autoincrement())
  ${tenantId}
  must  Task[] @relation("must")
  may   Note[] @relation("may")
}

model Task {
  id     Int  @id @default(autoincrement())
  ${tenantId}
  userId Int
  user   User @relation("must", fields: [userId], references: [id])
}

model Note {
  id     Int   @id @default(autoincrement())
  ${tenantId}
  userId Int?
  user   User? @relation("may", fields: [userId], references: [id])
}
`)
  expect(tenant.map(({ model, keepTenant }) => [model, keepTenant])).toEqual([
    ['User', false],
    ['Task', false],
    ['Note', true],
  ])
})
