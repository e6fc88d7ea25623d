// Proves that a use of acrossTenants that reads makes no large object: before PostgreSQL 16 a read-only transaction does
// not refuse the functions that do, so they are refused by name.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rowsSeenBySuperuser, type TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'
import { createAuditedDatabase, openAcross } from './open-across.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createAuditedDatabase()
})
afterAll(() => db?.drop())

const made = () => rowsSeenBySuperuser(db, 'SELECT oid FROM pg_largeobject_metadata')

test.each(modes)('lo_from_bytea and its like make nothing in %s mode', async (mode) => {
  const { prisma, close } = openAcross(mode, db)
  for (const call of ["lo_from_bytea(0, 'x')", 'lo_creat(-1)', 'lo_create(0)', '"lo_create"(0)']) {
    const ask = () => prisma.$queryRawUnsafe(`SELECT pg_catalog.${call}::text`)
    await expect(prisma.$acrossTenants({ reason: 'x' }, ask), call).rejects.toThrow()
    await expect(
      prisma.$acrossTenants({ reason: 'x' }, () => prisma.$transaction([ask()])),
      call,
    ).rejects.toThrow()
  }
  expect(await made()).toEqual([])
  await close()
})
