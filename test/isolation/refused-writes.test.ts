// Proves that a write which PostgreSQL refuses is reported as what it is: the tenant column's policy, a policy of the
// service's own, an upsert that meets a hidden row, a MERGE, a missing grant; each with a hint that is true there.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TenancyError, withTenant } from '../../src/index.js'
import { sharedTable } from '../../src/sql/index.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes, openMode, type TenantPrisma } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ROLES } from '../support/template.js'

let db: TenantDatabase
let a: SeededTenant
let b: SeededTenant
beforeAll(async () => {
  db = await createTestDatabase()
  ;[a, b] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
  const owned = `id uuid PRIMARY KEY, tenant_id uuid NOT NULL DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid`
  const policies = (table: string) => `
    GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO ${ROLES.app};
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant ON ${table} USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);`
  await runSql(
    db.adminUrl,
    `${sharedTable('plans', { app: ROLES.app })}
     CREATE TABLE drafts (${owned}, state text NOT NULL DEFAULT 'new');
     ${policies('drafts')}
     CREATE POLICY "only ""live"" ones" ON drafts AS RESTRICTIVE FOR SELECT USING (state = 'live');
     CREATE TABLE notes (${owned}, state text NOT NULL DEFAULT 'new', slug text UNIQUE);
     ${policies('notes')}
     CREATE POLICY live ON notes AS RESTRICTIVE FOR UPDATE USING (state = 'live');
     DROP POLICY tenant ON notes;
     CREATE POLICY reads ON notes FOR SELECT USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid AND state <> 'hidden');
     CREATE POLICY writes ON notes FOR INSERT WITH CHECK (true);
     CREATE POLICY changes ON notes FOR UPDATE USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
     INSERT INTO notes VALUES ('${a.projectIds[0]}', '${a.tenantId}', 'new', 'of a'), ('${b.projectIds[0]}', '${b.tenantId}', 'live', 'of b');
     CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.things (id int);
     CREATE TABLE counted (id serial, tenant_id uuid);
     GRANT INSERT ON counted TO ${ROLES.app}`,
  )
})
afterAll(() => db.drop())

/** Which refusal, in words of its message; and in words of its hint. */
type Refused = [code: string, message: RegExp, hint: RegExp, write: (prisma: TenantPrisma) => PromiseLike<unknown>]
const sql = (text: string) => (prisma: TenantPrisma) => prisma.$executeRawUnsafe(text)
const LEAVE_OUT = /Leave the tenant column out/
const LOOK = /SELECT policyname, .* FROM pg_policies WHERE tablename = 'notes';$/

const refusals: Record<string, Refused> = {
  "a row of another tenant's": [
    'POLICY.VIOLATION',
    /refused the write to "projects"\./,
    LEAVE_OUT,
    sql(`INSERT INTO projects (id, tenant_id, name) VALUES ('${randomUUID()}', '${randomUUID()}', 'x')`),
  ],
  'a row that a SELECT policy hides from RETURNING': [
    'POLICY.VIOLATION',
    /refused the write to "notes"\./,
    /or hides it although RETURNING asks for it/,
    sql(`INSERT INTO notes (id, state) VALUES ('${randomUUID()}', 'hidden') RETURNING id`),
  ],
  'a row that a restrictive policy refuses': [
    'POLICY.VIOLATION',
    /The policy "only "live" ones" refused the write to "drafts"\./,
    /^Write what it allows, or change it: SELECT .* WHERE tablename = 'drafts';$/,
    sql(`INSERT INTO drafts (id) VALUES ('${randomUUID()}') RETURNING id`),
  ],
  "an upsert that meets another tenant's row": [
    'POLICY.VIOLATION',
    /refused the upsert to "notes"/,
    /^Begin the unique constraint with the tenant column/,
    sql(`INSERT INTO notes (id, slug) VALUES ('${randomUUID()}', 'of b') ON CONFLICT (slug) DO UPDATE SET state = 'x'`),
  ],
  'a MERGE that meets a row which may be seen and not changed': [
    'POLICY.VIOLATION',
    /refused the MERGE to "notes"/,
    LOOK,
    sql(`MERGE INTO notes n USING (SELECT 1) one ON n.slug = 'of a' WHEN MATCHED THEN UPDATE SET state = 'x'`),
  ],
  'a shared table, by its model': [
    'ROLE.LACKS_PRIVILEGE',
    /permission denied for table plans\./,
    /A shared table is written by the migrator role or its owner.*GRANT SELECT, INSERT, UPDATE, DELETE ON "plans" TO/,
    (prisma) => prisma.plan.create({ data: { id: 77, name: 'x' } }),
  ],
  'a shared table, by its model, many': [
    'ROLE.LACKS_PRIVILEGE',
    /permission denied for table plans\./,
    /A shared table is written by/,
    (prisma) => prisma.plan.deleteMany(),
  ],
  'a shared table, by SQL': [
    'ROLE.LACKS_PRIVILEGE',
    /permission denied for table plans\./,
    /A shared table is written by/,
    sql('UPDATE plans SET name = name'),
  ],
  'a schema without USAGE': [
    'ROLE.LACKS_PRIVILEGE',
    /permission denied for schema elsewhere\./,
    /GRANT USAGE ON SCHEMA "elsewhere" TO/,
    sql('DELETE FROM elsewhere.things'),
  ],
  'a sequence without USAGE': [
    'ROLE.LACKS_PRIVILEGE',
    /permission denied for sequence counted_id_seq\./,
    /GRANT USAGE, SELECT ON SEQUENCE "counted_id_seq" TO/,
    sql('INSERT INTO counted (tenant_id) VALUES (NULL)'),
  ],
}

describe.each(modes)('in %s mode', (mode) => {
  let client: Awaited<ReturnType<typeof openMode>>
  beforeAll(async () => {
    client = await openMode(mode, db.appUrl)
  })
  afterAll(() => client.close())

  const caught = async (write: Refused[3]): Promise<TenancyError> => {
    try {
      await withTenant(a.tenantId, () => write(client.prisma))
    } catch (error) {
      return error as TenancyError
    }
    throw new Error('It was not refused.')
  }

  test.each(Object.entries(refusals))('%s is reported as that', async (what, [code, message, hint, write]) => {
    const error = await caught(write)
    expect(error).toMatchObject({ code, hint: expect.stringMatching(hint) })
    expect(error.message).toMatch(message)
    if (hint !== LEAVE_OUT && !what.includes('RETURNING')) expect(error.hint).not.toMatch(LEAVE_OUT)
    expect(`${error.message}${JSON.stringify(error.meta)}`).not.toContain(b.tenantId)
  })

  test('in a transaction too, and what is refused for no privilege on a function stays as it is', async () => {
    const tx = await caught((prisma) => prisma.$transaction((tx) => tx.plan.create({ data: { id: 78, name: 'x' } })))
    expect(tx).toMatchObject({ code: 'ROLE.LACKS_PRIVILEGE', meta: { call: 'tx.plan.create()', table: 'plans' } })
    const read = await caught((prisma) => prisma.$queryRaw`SELECT pg_read_file('/etc/hostname')`)
    expect(read).not.toHaveProperty('hint', expect.stringContaining('GRANT'))
  })
})
