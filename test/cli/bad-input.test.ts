// Proves that what cannot be done is said clearly, with what to type, exit code 2, no stack trace, and nothing written.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../support/free-port.js'
import { runSql } from '../support/postgres.js'
import { buildCommand, newProject, type Ran, type TestProject } from './command.js'
import { BROKEN_ROW, configOf, type Example, newExample, SCHEMA } from './example-project.js'

beforeAll(() => buildCommand())

let project: TestProject
beforeEach(async () => {
  project = await newProject({ 'prisma/schema.prisma': SCHEMA, 'tenancy.config.json': configOf() })
})
afterEach(() => project.remove())

async function refusalOf(of: TestProject, ...args: string[]): Promise<Ran> {
  const before = await of.files()
  const ran = await of.run(...args)
  expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 2 })
  expect(ran.stderr).toMatch(/^error: .+\n[\s\S]*^hint: {2}.+/m)
  expect(ran.stderr).not.toMatch(/^\s+at /m)
  expect(await of.files()).toEqual(before)
  return ran
}

interface BadInput {
  readonly what: string
  readonly arrange: (project: TestProject) => Promise<void>
  readonly message: RegExp
  readonly hint: string
}

const schemaWith = (from: string | RegExp, to: string) => (of: TestProject) => {
  expect(SCHEMA).toMatch(from)
  return of.write('prisma/schema.prisma', SCHEMA.replace(from, to))
}
const configWith = (more: object) => (of: TestProject) => of.write('tenancy.config.json', configOf(more))

const inputs: BadInput[] = [
  {
    what: 'a schema that Prisma cannot parse',
    arrange: schemaWith('model Task {', 'model Task'),
    message: /Prisma cannot read the schema/,
    hint: 'npx prisma validate',
  },
  {
    what: 'no schema',
    arrange: configWith({ schema: 'elsewhere/schema.prisma' }),
    message: /no Prisma schema at elsewhere\/schema.prisma\./,
    hint: '"schema": "prisma/schema.prisma"',
  },
  {
    what: 'no tenant model',
    arrange: configWith({ tenantModel: 'Customer' }),
    message: /"tenantModel" names Customer, and the schema has no such model/,
    hint: 'write the name as it stands behind `model`',
  },
  {
    what: 'a model that is not covered',
    arrange: configWith({ shared: [] }),
    message: /Country is neither a tenant table .* nor declared shared/,
    hint: '"shared": ["Country"]',
  },
  {
    what: 'a tenant column of another type than configured',
    arrange: configWith({ tenantId: 'bigint' }),
    message: /Project has company_id as String @db.Uuid, and tenant ids are configured as bigint/,
    hint: '"tenantId": "uuid"',
  },
  {
    what: 'an unknown key in the configuration',
    arrange: configWith({ tenantmodel: 'Company' }),
    message: /unknown key "tenantmodel"/,
    hint: 'tenantModel',
  },
  {
    what: 'a configuration that is not JSON',
    arrange: (of) => of.write('tenancy.config.json', '{ "tenantModel": '),
    message: /tenancy.config.json is not JSON/,
    hint: '{ "tenantModel": "Company" }',
  },
  {
    what: 'a folder of migrations that is none',
    arrange: async (of) => {
      await of.write('notes/todo.txt', 'Buy milk')
      await configWith({ migrations: 'notes' })(of)
    },
    message: /The folder of migrations, notes, holds no Prisma migrations, but other files/,
    hint: '"migrations": "prisma/migrations"',
  },
  {
    what: 'a file where migrations are said to be',
    arrange: async (of) => {
      await of.write('notes.txt', 'Buy milk')
      await configWith({ migrations: 'notes.txt' })(of)
    },
    message: /is a file/,
    hint: '"migrations"',
  },
  {
    what: 'migrations of another database',
    arrange: (of) => of.write('prisma/migrations/migration_lock.toml', 'provider = "mysql"\n'),
    message: /holds migrations for mysql/,
    hint: '"migrations"',
  },
]

describe.each(inputs)('$what', ({ arrange, message, hint }) => {
  test.each([['plan'], ['migration', '--write'], ['roles']])('stops tenancy %s', async (...args) => {
    await arrange(project)
    const { stderr, stdout } = await refusalOf(project, ...args)
    expect(stderr).toMatch(message)
    expect(stderr).toContain(hint)
    expect(stdout).toBe('')
  })
})

test('a project without a configuration is told how to get one', async () => {
  const empty = await newProject({ 'prisma/schema.prisma': SCHEMA })
  const { stderr } = await refusalOf(empty, 'migration', '--write')
  expect(stderr).toContain('tenancy init')
  await empty.remove()
})

test('a project without any schema is told where it was looked for', async () => {
  const empty = await newProject({ 'tenancy.config.json': configOf() })
  const { stderr } = await refusalOf(empty, 'migration', '--write')
  expect(stderr).toContain('prisma/schema.prisma, prisma/schema')
  await empty.remove()
})

test('an error is an object as well where JSON is asked for', async () => {
  await project.write('tenancy.config.json', configOf({ colum: 'x' }))
  const { stdout } = await refusalOf(project, 'plan', '--json')
  expect(JSON.parse(stdout)).toEqual({
    error: {
      code: 'CONFIG.INVALID',
      message: 'The configuration has the unknown key "colum".',
      hint: expect.stringContaining('Use one of: tenantModel'),
    },
  })
})

test('arguments that no command knows exit with 2 and point at the help', async () => {
  for (const args of [
    ['migrate'],
    ['plan', '--wat'],
    ['apply', '--online', '--batch-size', 'many'],
    ['seal', 'add', 'x'],
  ]) {
    const { code, stderr } = await project.run(...args)
    expect(code).toBe(2)
    expect(stderr).toContain('error:')
    expect(stderr).toContain('--help')
  }
  expect((await project.run('--help')).code).toBe(0)
  expect((await project.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

test('a name that would leave the folder of migrations is refused', async () => {
  const { stderr } = await refusalOf(project, 'migration', '--name', '../../etc')
  expect(stderr).toContain('--name tenancy')
})

describe('a database', () => {
  let example: Example
  beforeAll(async () => {
    example = await newExample()
  })
  afterAll(() => example.close())

  const commands = [['plan'], ['migration', '--write'], ['apply', '--online'], ['roles', '--apply'], ['seal', 'init']]

  test.each(commands)('that is not there stops tenancy %s', async (...args) => {
    const url = `postgresql://me:secret@127.0.0.1:${await freePort()}/app`
    const { stderr, stdout } = await refusalOf(example.project, ...args, '--url', url)
    expect(stderr).toMatch(/The database at 127.0.0.1:\d+ cannot be reached \(ECONNREFUSED\)/)
    expect(stderr).toContain('DATABASE_URL')
    expect(stderr + stdout).not.toContain('secret')
  })

  test('that does not know the user, or has another name, is named', async () => {
    const { database } = example
    const stranger = await refusalOf(example.project, 'plan', '--url', database.urlFor('stranger', 'secret'))
    expect(stranger.stderr).toContain('refuses the login of stranger')
    expect(stranger.stderr).not.toContain('secret')
    const url = example.url.replace(database.name, 'no_such_database')
    const nowhere = await refusalOf(example.project, 'plan', '--url', url)
    expect(nowhere.stderr).toContain('There is no database no_such_database')
  })

  test.each([
    'mysql://me:secret@localhost/app',
    'prisma+postgres://secret@accelerate',
    'app',
    'postgresql://%zz@h/app',
  ])('whose URL is %s is refused, without showing it', async (url) => {
    const { stderr } = await refusalOf(example.project, 'plan', '--url', url)
    expect(stderr).toContain('postgresql://user@host:5432/database')
    expect(stderr).not.toContain('secret')
  })

  test('that nobody names is asked for', async () => {
    const { stderr } = await refusalOf(example.project, 'apply', '--online')
    expect(stderr).toContain('--url postgresql://')
  })

  describe('with rows that a foreign key with the tenant would break', () => {
    beforeAll(() => runSql(example.url, BROKEN_ROW))
    const catalog = () =>
      runSql(
        example.url,
        `SELECT relname, relrowsecurity FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY relname`,
      )

    test('refuses the migration with their number and the query that lists them, before any DDL', async () => {
      const before = await catalog()
      const { stderr } = await refusalOf(example.project, 'migration', '--write', '--url', example.url)
      expect(stderr).toContain('rows of Task point at a row of projects that belongs to another tenant (1 row)')
      const query = /This lists them: ([^;]+);/.exec(stderr)?.[1] ?? ''
      expect(await runSql(example.url, query)).toEqual([{ id: 'aaaaaaaa-2222-4000-8000-000000000000' }])
      expect(await catalog()).toEqual(before)
    })

    test('shows them in the plan, which goes on', async () => {
      const { code, stdout } = await example.project.run('plan', '--url', example.url)
      expect(code).toBe(1)
      expect(stdout).toContain('belongs to another tenant (1 row)')
      expect(stdout).toContain('rows to correct, see above')
    })

    test('stops apply --online before it has changed anything', async () => {
      const { project, url } = example
      expect(await project.run('migration', '--write')).toMatchObject({ code: 0 })
      const before = await catalog()
      const { stderr } = await refusalOf(project, 'apply', '--online', '--url', url)
      expect(stderr).toContain('belongs to another tenant (1 row)')
      expect(await catalog()).toEqual(before)
    })
  })

  test('whose role may not do it refuses, and nothing has changed', async () => {
    const other = await newExample()
    try {
      await other.project.run('migration', '--write')
      const name = `nobody_${other.database.name}`
      await runSql(other.url, `CREATE ROLE ${name} LOGIN PASSWORD 'nobody'`)
      const url = other.database.urlFor(name, 'nobody')
      for (const args of [['apply', '--online'], ['roles', '--apply'], ['seal', 'init'], ['plan']]) {
        const { stderr } = await refusalOf(other.project, ...args, '--url', url)
        expect(stderr).toContain('permission denied')
        expect(stderr).toContain('as the owner of the tables')
      }
      expect(await runSql(other.url, 'SELECT FROM pg_policy')).toEqual([])
      expect(await runSql(other.url, `SELECT FROM pg_roles WHERE rolname = '${other.roles.app}'`)).toEqual([])
      await runSql(other.url, `DROP ROLE ${name}`)
    } finally {
      await other.close()
    }
  })
})
