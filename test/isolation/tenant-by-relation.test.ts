// Proves that a write which names another tenant by a relation, whose foreign key is the tenant column, is refused before
// anything is sent, in both modes.
import { randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TenancyError, TenantPool, tenancy, withTenant } from '../../src/index.js'
import { protectTable } from '../../src/sql/index.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { heardDuring } from '../telemetry/heard.js'
import { type AnyClient, clientClassOf } from '../thirty-models/client.js'

const schema = `generator client {
  provider = "prisma-client"
  output   = "x"
}
datasource db {
  provider = "postgresql"
}
model Company {
  id    String @id @db.Uuid // its @relation(fields: [nothing], references: [nothing]) is a comment
  host  String @unique
  deals Deal[]
  @@map("companies")
}
model Deal {
  id        String  @id @default(uuid()) @db.Uuid
  name      String?
  companyId String  @map("company_id") @db.Uuid
  company   Company @relation("of a company (its tenant)", fields: [companyId], references: [id])
  parts     Part[]
  @@unique([companyId, id])
  @@map("deals")
}
model Part {
  id        String @id @default(uuid()) @db.Uuid
  companyId String @default(dbgenerated("(nullif(current_setting('app.tenant_id', true), ''))::uuid")) @map("company_id") @db.Uuid
  dealId    String @map("deal_id") @db.Uuid
  deal      Deal   @relation(fields: [companyId, dealId], references: [companyId, id])
  @@map("parts")
}
`.replace('deals Deal[]', 'deals Deal[] @relation("of a company (its tenant)")')

const a = randomUUID()
const b = randomUUID()
const [dealOfA, dealOfB] = [randomUUID(), randomUUID()]
let db: TenantDatabase
let Client: Awaited<ReturnType<typeof clientClassOf>>
beforeAll(async () => {
  db = await createTestDatabase()
  const column = `company_id uuid NOT NULL DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid`
  await runSql(
    db.adminUrl,
    `CREATE TABLE companies (id uuid PRIMARY KEY, host text UNIQUE);
     CREATE TABLE deals (id uuid PRIMARY KEY, name text, ${column} REFERENCES companies, UNIQUE (company_id, id));
     CREATE TABLE parts (id uuid PRIMARY KEY, ${column}, deal_id uuid NOT NULL, FOREIGN KEY (company_id, deal_id) REFERENCES deals (company_id, id));
     ${protectTable('deals', { column: 'company_id', indexes: [] })}
     ${protectTable('parts', { column: 'company_id', indexes: [] })}
     GRANT SELECT, INSERT, UPDATE, DELETE ON companies, deals, parts TO ${ROLES.app};
     INSERT INTO companies VALUES ('${a}', 'a'), ('${b}', 'b');
     INSERT INTO deals VALUES ('${dealOfA}', 'x', '${a}'), ('${dealOfB}', 'x', '${b}')`,
  )
  Client = await clientClassOf([{ path: 'schema.prisma', text: schema }])
})
afterAll(() => db.drop())

type Write = [field: string, write: (prisma: AnyClient, id: string) => Promise<unknown> | undefined]
const writes: Record<string, Write> = {
  connect: ['Deal.company', (prisma, id) => prisma['deal']?.['create']?.({ data: { company: { connect: { id } } } })],
  'connect by another unique field': [
    'Deal.company',
    (prisma, id) =>
      prisma['deal']?.['create']?.({ data: { company: { connect: { id, host: id === a ? 'a' : 'b' } } } }),
  ],
  connectOrCreate: [
    'Deal.company',
    (prisma, id) =>
      prisma['deal']?.['create']?.({
        data: { company: { connectOrCreate: { where: { id }, create: { id, host: 'new' } } } },
      }),
  ],
  'connect in an update': [
    'Deal.company',
    (prisma, id) => prisma['deal']?.['update']?.({ where: { id: dealOfA }, data: { company: { connect: { id } } } }),
  ],
  'connect in a nested write': [
    'Deal.company',
    (prisma, id) => prisma['part']?.['create']?.({ data: { deal: { create: { company: { connect: { id } } } } } }),
  ],
  'connect by a compound key': [
    'Part.deal',
    (prisma, id) =>
      prisma['part']?.['create']?.({
        data: { deal: { connect: { companyId_id: { companyId: id, id: id === a ? dealOfA : dealOfB } } } },
      }),
  ],
  'the column itself, unchecked': [
    'Deal.companyId',
    (prisma, id) => prisma['deal']?.['create']?.({ data: { companyId: id } }),
  ],
}

describe.each(modes)('in %s mode', (mode) => {
  let prisma: AnyClient
  let close: () => Promise<void>
  beforeAll(() => {
    const config = { connectionString: db.appUrl, max: 2 }
    const options = { tenantColumn: 'company_id' }
    const pool = mode === 'pool' ? new TenantPool({ ...config, ...options }) : new pg.Pool(config)
    const base = new Client({ adapter: new PrismaPg(pool) })
    prisma = base.$extends(pool instanceof TenantPool ? tenancy({ pool }) : tenancy(options))
    close = async () => {
      await base.$disconnect()
      await pool.end()
    }
  })
  afterAll(() => close())

  test.each(Object.entries(writes))(
    "%s of another tenant is refused, the tenant's own is written",
    async (_, given) => {
      const [field, write] = given
      let error: TenancyError | undefined
      const { binding } = await heardDuring(async () => {
        error = await withTenant(a, () =>
          write(prisma, b)?.then(
            () => undefined,
            (thrown) => thrown,
          ),
        )
      })
      expect(error).toMatchObject({ code: 'TENANT.MISMATCH' })
      expect(error?.message).toContain(field)
      expect(error?.message).not.toContain(b)
      expect(binding).toEqual([])
      await withTenant(a, () => write(prisma, a))
    },
  )
})
