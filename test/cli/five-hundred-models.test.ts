// Proves that a large schema goes through the whole command, and prints how long that takes: the real process, from its
// start to its end, Prisma's parsing included. The time is printed and not asserted, since machines differ.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildCommand, newProject, type TestProject } from './command.js'

const MODELS = 500

let project: TestProject
beforeAll(async () => {
  await buildCommand()
  project = await newProject({
    'prisma/schema.prisma': largeSchema(),
    'tenancy.config.json': JSON.stringify({ tenantModel: 'Tenant' }),
  })
})
afterAll(() => project.remove())

test(`tenancy migration writes the policies of ${MODELS} models`, async () => {
  const start = performance.now()
  const { code, stdout, stderr } = await project.run('migration', '--write', '--json')
  const seconds = ((performance.now() - start) / 1000).toFixed(2)
  console.log(`tenancy migration --write, ${MODELS} models: ${seconds} s`)
  expect({ code, stderr: stderr.includes('error') }).toEqual({ code: 0, stderr: false })
  const { migration } = JSON.parse(stdout)
  const sql = await project.read(`prisma/migrations/${migration}/migration.sql`)
  expect(sql.match(/^CREATE POLICY /gm)).toHaveLength(MODELS)
  expect(sql.match(/FORCE ROW LEVEL SECURITY/g)).toHaveLength(MODELS)
  expect((await project.read('prisma/schema.prisma')).match(/dbgenerated/g)).toHaveLength(MODELS)
  expect(await project.run('plan')).toMatchObject({ code: 0 })
})

/** As in a grown product: each model has a parent, a unique key, an enum and a dozen columns. */
function largeSchema(): string {
  const models = Array.from({ length: MODELS }, (_, n) => {
    const parent = Math.floor((n - 1) / 3)
    const children = [3 * n + 1, 3 * n + 2, 3 * n + 3].filter((child) => child < MODELS)
    return `model Model${n} {
  id          String   @id @default(uuid()) @db.Uuid
  tenantId    String   @map("tenant_id") @db.Uuid
  tenant      Tenant   @relation(fields: [tenantId], references: [id], onDelete: Cascade)
${n === 0 ? '' : `  parentId    String?  @map("parent_id") @db.Uuid\n  parent      Model${parent}? @relation(fields: [parentId], references: [id])\n`}${children.map((child) => `  model${child}s    Model${child}[]\n`).join('')}  name        String   @db.VarChar(200)
  slug        String
  state       State    @default(DRAFT)
  price       Decimal  @db.Decimal(12, 2)
  tags        String[]
  data        Json?
  createdAt   DateTime @default(now()) @map("created_at")
  updatedAt   DateTime @updatedAt @map("updated_at")

  @@unique([slug])
  @@index([state])
  @@map("model_${n}")
}
`
  })
  const lists = models.map((_, n) => `  model${n}s Model${n}[]`).join('\n')
  return `generator client {
  provider = "prisma-client"
  output   = "../generated"
}

datasource db {
  provider = "postgresql"
}

enum State {
  DRAFT
  DONE
}

model Tenant {
  id String @id @default(uuid()) @db.Uuid
${lists}
}

${models.join('\n')}`
}
