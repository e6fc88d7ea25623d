// Proves what a tenant can do to others through a shared row that points at one of its own: the database runs ON DELETE
// CASCADE past every policy and every grant.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { migrationSql } from '../../src/migration/files.js'
import { planSteps } from '../../src/migration/plan-steps.js'
import { checkConfig } from '../../src/schema/config.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { ddlOf } from '../support/prisma-ddl.js'
import { ROLES } from '../support/template.js'
import { A, B } from './seed.js'

const SCHEMA = `
datasource db {
  provider = "postgresql"
}
model Company {
  id String @id @db.Uuid
}
model Project {
  id       Int      @id @default(autoincrement())
  tenantId String   @map("tenant_id") @db.Uuid
  banners  Banner[]
}
/// Shared: what all companies see.
model Banner {
  id        Int      @id @default(autoincrement())
  projectId Int?
  project   Project? @relation(fields: [projectId], references: [id], onDelete: Cascade)
  notes     Note[]
}
model Note {
  id       Int    @id @default(autoincrement())
  tenantId String @map("tenant_id") @db.Uuid
  bannerId Int
  banner   Banner @relation(fields: [bannerId], references: [id], onDelete: Cascade)
}`

const ROWS = `
  INSERT INTO "Company" VALUES ('${A.id}'), ('${B.id}');
  INSERT INTO "Project" (tenant_id) VALUES ('${A.id}');
  INSERT INTO "Banner" ("projectId") VALUES (1);
  INSERT INTO "Note" (tenant_id, "bannerId") VALUES ('${B.id}', 1);`

let database: TestDatabase
beforeAll(async () => {
  database = await (await startPostgres()).createDatabase()
})
afterAll(() => database.drop())

test('a shared model that is deleted together with a tenant’s row is refused', async () => {
  await expect(migrationOf(SCHEMA)).rejects.toMatchObject({
    code: 'CONFIG.INVALID',
    message: expect.stringContaining('Banner is declared shared and goes with a row of Project'),
    hint: expect.stringContaining('give project onDelete: Restrict or SetNull'),
  })
})

test('without the cascade, deleting its own row deletes no row of another tenant, by way of a shared one', async () => {
  const harmless = SCHEMA.replace(
    'references: [id], onDelete: Cascade)\n  notes',
    'references: [id], onDelete: SetNull)\n  notes',
  )
  expect(harmless).not.toBe(SCHEMA)
  await runSql(database.adminUrl, `${await ddlOf([fileOf(harmless)])};${ROWS}`)
  await runSql(database.adminUrl, await migrationOf(harmless))
  const client = new pg.Client({ connectionString: database.urlFor(ROLES.app, ROLES.app) })
  await client.connect()
  try {
    await client.query(`SELECT set_config('app.tenant_id', $1, false)`, [A.id])
    await expect(client.query('DELETE FROM "Banner"')).rejects.toMatchObject({ code: '42501' })
    expect((await client.query('DELETE FROM "Project"')).rowCount).toBe(1)
  } finally {
    await client.end()
  }
  expect(await runSql(database.adminUrl, 'SELECT tenant_id FROM "Note"')).toEqual([{ tenant_id: B.id }])
})

const fileOf = (text: string) => ({ path: 'schema.prisma', text })

async function migrationOf(text: string): Promise<string> {
  const config = checkConfig({ tenantModel: 'Company', shared: ['Banner'] })
  const before = await readSchema([fileOf(text)])
  return migrationSql(planSteps(desiredState(await editedSchema(before, config), before, config)))
}
