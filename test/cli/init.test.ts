// Proves that `tenancy init` writes the configuration that a person has in mind: asked in a terminal, key by key, and from
// flags; that it proposes what the schema says, leaves defaults out, and never writes over anything.
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { buildCommand, newProject, type TestProject } from './command.js'
import { SCHEMA } from './example-project.js'
import { CLEAR, CTRL_C, DOWN, ENTER, type Exchange, inTerminal, type Session, SPACE } from './terminal.js'

let command: string
beforeAll(async () => {
  command = await buildCommand()
})
let project: TestProject
beforeEach(async () => {
  project = await newProject({ 'prisma/schema.prisma': SCHEMA })
})
afterEach(() => project.remove())

const config = async (): Promise<unknown> => JSON.parse(await project.read('tenancy.config.json'))
const atTerminal = (args: readonly string[], ...dialogue: Exchange[]): Promise<Session> =>
  inTerminal(project.folder, [process.execPath, command, 'init', ...args], dialogue)

const tenant: Exchange = { screen: 'Which model is a tenant', type: ENTER }
const column: Exchange = { screen: 'Which column names the tenant', type: ENTER }
const setting: Exchange = { screen: 'Which PostgreSQL setting', type: ENTER }
const roles: Exchange[] = [
  { screen: 'Which role does the service log in with', type: ENTER },
  { screen: 'Which role sees all rows', type: ENTER },
  { screen: 'Which role reads all rows', type: ENTER },
]
const shared: Exchange = { screen: 'Which of them does every tenant read', type: SPACE + ENTER }
const parents: Exchange = { screen: 'what shall they get?', type: ENTER }
const write: Exchange = { screen: 'Write tenancy.config.json?', type: ENTER }

describe('in a terminal', () => {
  test('Enter takes what is proposed, and only what is no default is written', async () => {
    const { code, screen } = await atTerminal([], tenant, column, setting, ...roles, shared, parents, write)
    expect(screen).toContain('Tenants of prisma/schema.prisma, 5 models')
    expect(screen).toContain('2 models point at it')
    expect(screen).toContain('Wrote tenancy.config.json. Next: tenancy plan')
    expect(code).toBe(0)
    expect(await config()).toEqual({
      tenantModel: 'Company',
      column: 'company_id',
      field: 'companyId',
      shared: ['Country'],
      addColumn: 'all',
    })
    expect((await project.run('plan')).stdout).toContain('Left to do:')
  })

  test('other answers are typed and chosen', async () => {
    const { code, screen } = await atTerminal(
      [],
      tenant,
      column,
      { ...setting, type: `${CLEAR}tenant${ENTER}` },
      // A mistake is explained, and can be corrected.
      { screen: 'setting', type: `${CLEAR}crm.tenant${ENTER}` },
      { ...(roles[0] as Exchange), type: `${CLEAR}service${ENTER}` },
      ...roles.slice(1),
      shared,
      { ...parents, type: DOWN + ENTER },
      write,
    )
    expect(screen).toContain('A policy that asks their parents')
    expect(code).toBe(0)
    expect(await config()).toEqual({
      tenantModel: 'Company',
      column: 'company_id',
      field: 'companyId',
      setting: 'crm.tenant',
      roles: { app: 'service' },
      shared: ['Country'],
    })
  })

  test('what a flag says is not asked', async () => {
    const flags = [
      '--tenant-model',
      'Company',
      '--column',
      'company_id',
      '--setting',
      'crm.tenant',
      '--shared',
      'Country',
    ]
    const { code, screen } = await atTerminal(flags, ...roles, parents, write)
    expect(screen).not.toContain('Which model is a tenant')
    expect(code).toBe(0)
    expect(await config()).toMatchObject({ tenantModel: 'Company', setting: 'crm.tenant' })
  })

  test('answers are kept where something else is still to be decided, and that is said', async () => {
    const dialogue = [tenant, column, setting, ...roles, shared, parents, write]
    const { code } = await atTerminal(['--tenant-id', 'bigint'], ...dialogue)
    expect(code).toBe(1)
    expect(await config()).toMatchObject({ tenantId: 'bigint' })
  })

  test.each([
    { when: 'at the first question', dialogue: [{ ...tenant, type: CTRL_C }] },
    {
      when: 'at the last one',
      dialogue: [tenant, column, setting, ...roles, shared, parents, { ...write, type: CTRL_C }],
    },
    { when: 'by a no', dialogue: [tenant, column, setting, ...roles, shared, parents, { ...write, type: `n` }] },
  ])('it can be called off $when, and nothing is written', async ({ dialogue }) => {
    const before = await project.files()
    const { code, screen } = await atTerminal([], ...dialogue)
    expect(screen).toContain('Cancelled, and nothing was written.')
    expect(code).toBe(2)
    expect(await project.files()).toEqual(before)
  })
})

describe('with flags', () => {
  test('it asks nothing, and says what it did', async () => {
    const ran = await project.run('init', '--tenant-model', 'Company', '--shared', 'Country')
    expect(ran).toEqual({ code: 0, stdout: 'Wrote tenancy.config.json. Next: tenancy plan\n', stderr: '' })
    expect(await config()).toEqual({
      tenantModel: 'Company',
      column: 'company_id',
      field: 'companyId',
      shared: ['Country'],
    })
  })

  test('every flag has its place in the file, and defaults are left out', async () => {
    const flags = {
      'tenant-model': 'Company',
      'tenant-id': 'uuid',
      column: 'company_id',
      field: 'companyId',
      setting: 'app.tenant_id',
      shared: 'Country',
      'add-column': 'Comment',
      backfill: 'aaaaaaaa-0000-4000-8000-000000000001',
      'app-role': 'service',
      'migrator-role': 'app_migrator',
      'bypass-role': 'reports',
      'owner-role': 'app_owner',
      schema: 'prisma/schema.prisma',
      migrations: 'db/migrations',
    }
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
    const { code, stdout } = await project.run('init', ...args, '--seal', '--json')
    expect(code).toBe(0)
    const expected = {
      tenantModel: 'Company',
      column: 'company_id',
      field: 'companyId',
      seal: true,
      shared: ['Country'],
      addColumn: ['Comment'],
      backfill: { '*': 'aaaaaaaa-0000-4000-8000-000000000001' },
      roles: { owner: 'app_owner', app: 'service', bypass: 'reports' },
      schema: 'prisma/schema.prisma',
      migrations: 'db/migrations',
    }
    expect(await config()).toEqual(expected)
    expect(JSON.parse(stdout)).toEqual({ config: expected })
  })

  test('--yes takes the proposals: the model with a usual name, else the one that most point at', async () => {
    const renamed = SCHEMA.replaceAll('Company', 'Studio')
      .replaceAll('company_id', 'tenant_id')
      .replaceAll('companyId', 'tenantId')
    for (const [schema, model, names] of [
      [SCHEMA, 'Company', { column: 'company_id', field: 'companyId' }],
      [renamed, 'Studio', undefined],
    ] as const) {
      await project.write('prisma/schema.prisma', schema)
      expect(await project.run('init', '--yes', '--shared', 'Country', '--force')).toMatchObject({ code: 0 })
      expect(await config()).toEqual({ tenantModel: model, ...names, shared: ['Country'] })
    }
  })

  test('the type of tenants is that of their ids', async () => {
    const ids = SCHEMA.replace(
      'id       String    @id @default(uuid()) @db.Uuid',
      'id BigInt @id @default(autoincrement())',
    )
    await project.write(
      'prisma/schema.prisma',
      ids.replaceAll(/companyId +String +(.*) @db.Uuid/g, 'companyId BigInt $1'),
    )
    expect(await project.run('init', '--yes', '--shared', 'Country')).toMatchObject({ code: 0, stderr: '' })
    expect(await config()).toMatchObject({ tenantModel: 'Company', tenantId: 'bigint' })
  })

  test.each([
    {
      why: 'nobody can be asked',
      args: [],
      says: 'no terminal to ask in',
      hint: 'tenancy init --tenant-model Company',
    },
    {
      why: 'there is no such model',
      args: ['--tenant-model', 'Customer'],
      says: 'no model "Customer"',
      hint: '--tenant-model Company',
    },
    { why: 'a model is not covered', args: ['--yes'], says: 'Country is neither', hint: '"shared": ["Country"]' },
    {
      why: 'the type is none',
      args: ['--yes', '--tenant-id', 'number'],
      says: '"tenantId" is "number"',
      hint: 'uuid, int, bigint, text',
    },
    {
      why: 'there is no schema',
      args: ['--yes', '--schema', 'x.prisma'],
      says: 'no Prisma schema at x.prisma',
      hint: 'prisma/schema.prisma',
    },
  ])('it stops where $why, and writes nothing', async ({ args, says, hint }) => {
    const before = await project.files()
    const { code, stderr, stdout } = await project.run('init', ...args)
    expect(stderr).toContain(says)
    expect(stderr).toContain(hint)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(await project.files()).toEqual(before)
  })

  test('a configuration that is there is written over only by force', async () => {
    await project.write('tenancy.config.json', '{ "tenantModel": "Project" }')
    const args = ['init', '--tenant-model', 'Company', '--shared', 'Country']
    const refused = await project.run(...args)
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toContain('tenancy init --force')
    expect(await config()).toEqual({ tenantModel: 'Project' })
    expect(await project.run(...args, '--force')).toMatchObject({ code: 0 })
    expect(await config()).toMatchObject({ tenantModel: 'Company' })
  })
})
