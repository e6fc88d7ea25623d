// Proves what stands in tenancy.config.json, what its defaults are, and that what it cannot mean is refused with a hint.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkConfig, readConfig } from '../../src/schema/config.js'
import { refusal } from './refusal.js'

test('only the tenant model must be named', () => {
  expect(checkConfig({ tenantModel: 'Company' })).toEqual({
    tenantModel: 'Company',
    tenantId: 'uuid',
    column: 'tenant_id',
    field: 'tenantId',
    setting: 'app.tenant_id',
    seal: false,
    shared: [],
    addColumn: [],
    backfill: {},
    roles: { owner: undefined, migrator: 'app_migrator', app: 'app_user', bypass: 'app_bypass' },
    schema: undefined,
    migrations: undefined,
  })
})

test('what is given is kept, a setting and an id in their one canonical form', () => {
  const config = {
    tenantModel: 'Org',
    tenantId: 'uuid',
    column: 'Org',
    field: 'org',
    setting: 'CRM.Org',
    seal: true,
    shared: ['Country'],
    addColumn: 'all',
    backfill: { '*': 'AAAAAAAA-0000-4000-8000-00000000000A' },
    roles: { owner: 'own"er', app: 'web' },
    schema: 'db/schema',
    migrations: 'db/migrations',
  }
  expect(checkConfig(config)).toEqual({
    ...config,
    setting: 'crm.org',
    backfill: { '*': 'aaaaaaaa-0000-4000-8000-00000000000a' },
    roles: { owner: 'own"er', migrator: 'app_migrator', app: 'web', bypass: 'app_bypass' },
  })
})

const known =
  'tenantModel, tenantId, column, field, setting, seal, shared, addColumn, backfill, roles, schema, migrations'

test.each([
  [null, 'The configuration is null.', 'Write an object: { "tenantModel": "Company" }.'],
  [[], 'The configuration is an array.', 'Write an object: { "tenantModel": "Company" }.'],
  [{}, '"tenantModel" is undefined.', 'Name the Prisma model of a tenant: "tenantModel": "Company".'],
  [{ tenantModel: 'C', colum: 1 }, 'The configuration has the unknown key "colum".', `Use one of: ${known}.`],
  [{ tenantModel: 'C', tenantId: 'UUID' }, '"tenantId" is "UUID".', 'Use one of: uuid, int, bigint, text.'],
  [{ tenantModel: 'C', seal: 'yes' }, '"seal" is "yes".', 'Write true or false.'],
  [{ tenantModel: 'C', column: 7 }, '"column" is the number 7.', 'Write a name: "column": "tenant_id".'],
  [
    { tenantModel: 'C', field: 'my field' },
    '"field" is "my field".',
    'Write the name of a Prisma field: letters, digits and _.',
  ],
  [{ tenantModel: 'C', shared: 'A' }, '"shared" is "A".', 'Write a list of Prisma models: "shared": ["Country"].'],
  [
    { tenantModel: 'C', addColumn: 'some' },
    '"addColumn" is "some".',
    'Write a list of Prisma models: "addColumn": ["Country"].',
  ],
  [{ tenantModel: 'C', schema: 1 }, '"schema" is the number 1.', 'Write a path: "schema": "prisma/schema".'],
  [
    { tenantModel: 'C', backfill: { A: 'x' } },
    '"backfill" of "A" is "x", which is not a tenant id of type uuid.',
    'Write the id of the tenant that the existing rows belong to.',
  ],
  [
    { tenantModel: 'C', roles: { admin: 'x' } },
    '"roles" has the unknown key "admin".',
    'Use one of: owner, migrator, app, bypass.',
  ],
])('%j is refused with a hint', async (config, message, hint) => {
  const run = async () => checkConfig(config)
  expect(await refusal(run())).toEqual({
    code: 'CONFIG.INVALID',
    message,
    hint: `${hint} It stands in tenancy.config.json.`,
  })
})

test('a name that PostgreSQL cannot keep, and a setting that is none, are refused', async () => {
  const code = async (config: object) =>
    (await refusal((async () => checkConfig({ tenantModel: 'C', ...config }))())).code
  expect(await code({ column: 'x'.repeat(64) })).toBe('SQL.INVALID_IDENTIFIER')
  expect(await code({ roles: { app: 'a\0' } })).toBe('SQL.INVALID_IDENTIFIER')
  expect(await code({ setting: 'tenant' })).toBe('CONFIG.INVALID')
})

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenancy-config-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the file is read from the folder; none, or none that is JSON, is refused with a hint', async () => {
  expect((await refusal(readConfig(folder))).hint).toBe('Run `tenancy init` in the folder of the project to make it.')
  await writeFile(join(folder, 'tenancy.config.json'), '{ "tenantModel": }')
  expect(await refusal(readConfig(folder))).toMatchObject({
    message: expect.stringContaining('tenancy.config.json is not JSON: '),
    hint: 'Correct it: it holds one object, such as { "tenantModel": "Company" }.',
  })
  await writeFile(join(folder, 'tenancy.config.json'), '{ "tenantModel": "Company" }')
  expect((await readConfig(folder)).tenantModel).toBe('Company')
})
