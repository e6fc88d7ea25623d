// Proves that roles and keys are made as asked, and that no secret stands on a command line, in SQL, or where it was not
// asked for.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { runSql } from '../support/postgres.js'
import { buildCommand } from './command.js'
import { A, configOf, type Example, newExample } from './example-project.js'

let example: Example
beforeAll(async () => {
  await buildCommand()
  example = await newExample()
})
afterAll(() => example.close())

describe('tenancy roles', () => {
  test('prints the SQL, with the shared tables and without a password', async () => {
    const { code, stdout } = await example.project.run('roles')
    expect(code).toBe(0)
    expect(stdout).toContain(`CREATE ROLE "${example.roles.app}" LOGIN NOSUPERUSER NOBYPASSRLS`)
    expect(stdout).toContain(`FROM "${example.roles.app}"`)
    expect(stdout).toContain('"countries"')
    expect(stdout).not.toContain('PASSWORD')
  })

  test('shows of a password only what PostgreSQL keeps of it', async () => {
    const env = { APP_PASSWORD: 'correct horse battery staple' }
    const { code, stdout, stderr } = await example.project.runWith(env, 'roles', '--app-password-env', 'APP_PASSWORD')
    expect(code).toBe(0)
    expect(stdout).toContain(`ALTER ROLE "${example.roles.app}" PASSWORD 'SCRAM-SHA-256$4096:`)
    expect(stdout + stderr).not.toContain('horse')
  })

  test('makes roles that log in with their passwords, and may be run again', async () => {
    const { project, url, roles, database } = example
    const passwords = { APP: 'app password', MIGRATOR: 'mig-pass', BYPASS: 'b"y\\p\'ass' }
    const args = [
      'roles',
      '--apply',
      '--app-password-env',
      'APP',
      '--migrator-password-env',
      'MIGRATOR',
      '--bypass-password-env',
      'BYPASS',
    ]
    for (let n = 0; n < 2; n++) {
      const { code, stdout, stderr } = await project.runWith({ ...passwords, DATABASE_URL: url }, ...args)
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stdout).toContain(`The roles ${roles.app}, ${roles.migrator} and ${roles.bypass} are there`)
    }
    for (const [role, password] of [
      [roles.app, passwords.APP],
      [roles.migrator, passwords.MIGRATOR],
      [roles.bypass, passwords.BYPASS],
    ] as const) {
      expect(await runSql(database.urlFor(role, password), 'SELECT current_user AS name')).toEqual([{ name: role }])
    }
    const countries = (sql: string) => runSql(database.urlFor(roles.app, passwords.APP), sql)
    expect(await countries('SELECT FROM countries')).toEqual([])
    await expect(countries("INSERT INTO countries VALUES ('x', 'X')")).rejects.toThrow('permission denied')
  })

  test('says what the SQL could not do, and what to type', async () => {
    const { project, url, roles } = example
    await runSql(url, `GRANT pg_monitor TO ${roles.app}`)
    const { code, stderr } = await project.run('roles', '--apply', '--url', url)
    await runSql(url, `REVOKE pg_monitor FROM ${roles.app}`)
    expect(code).toBe(0)
    expect(stderr).toBe(
      `warning: Role ${roles.app} can still read statistics that count the rows of all tenants, and find out values of other tenants by them.
It is a member of a role that may read them, such as pg_monitor: REVOKE pg_monitor FROM ${roles.app};
`,
    )
    expect(await project.run('roles', '--apply', '--url', url)).toMatchObject({ code: 0, stderr: '' })
  })

  test.each([
    { what: 'a variable that is not set', args: ['--app-password-env', 'NOT_SET'], says: 'NOT_SET=… tenancy' },
    { what: 'a password that SASLprep may change', args: ['--app-password-env', 'ODD'], says: 'randomBytes' },
    {
      what: 'a database without --apply',
      args: ['--url', 'postgresql://x@127.0.0.1/x'],
      says: 'tenancy roles --apply',
    },
  ])('refuses $what', async ({ args, says }) => {
    const { code, stdout, stderr } = await example.project.runWith({ ODD: 'pässword' }, 'roles', ...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(says)
    expect(stderr).not.toContain('pässword')
  })
})

describe('tenancy seal', () => {
  const seal = (...args: string[]) => example.project.runWith({ DATABASE_URL: example.url }, 'seal', ...args)

  test.each([['list'], ['rotate'], ['retire', 'x']])('%s says what comes first', async (...args) => {
    const { code, stderr } = await seal(...args)
    expect(code).toBe(2)
    expect(stderr).toContain('tenancy seal init')
  })

  let first: { keyId: string; key: string }
  test('init makes the function and the first key, and prints it once, to stdout alone', async () => {
    const { code, stdout, stderr } = await seal('init', '--key-id', 'first')
    expect({ code, stderr }).toMatchObject({ code: 0 })
    const found = /^TENANT_SEAL_KEY_ID=first\nTENANT_SEAL_KEY=(\S{44})\n$/.exec(stdout)
    first = { keyId: 'first', key: found?.[1] ?? '' }
    expect(first.key).not.toBe('')
    expect(stderr).not.toContain(first.key)
    expect(stderr).toContain("seal: { keyId: 'first'")
    const again = await seal('init')
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('so is a key: first') })
    expect(again.stdout + again.stderr).not.toContain(first.key)
  })

  test('the key that it printed is one that the database accepts, and a rotation goes from one to the next', async () => {
    const { project, url, database, roles } = example
    // Plain, then sealed: the same command, twice.
    await project.run('migration', '--write')
    expect(await project.run('apply', '--online', '--url', url)).toMatchObject({ code: 0 })
    await project.write('tenancy.config.json', configOf({ roles, seal: true }))
    expect((await project.run('migration', '--name', 'sealed')).stdout).toContain('_sealed/migration.sql')
    expect(await project.run('apply', '--online', '--url', url)).toMatchObject({ code: 0 })
    expect(await project.run('plan', '--url', url)).toMatchObject({ code: 0 })
    await runSql(url, `ALTER ROLE ${roles.app} PASSWORD 'app'`)

    const tasksWith = async (with_: { keyId: string; key: string }): Promise<number> => {
      const pool = new TenantPool({ connectionString: database.urlFor(roles.app, 'app'), seal: with_ })
      try {
        await withoutTenant(() => pool.query('SELECT FROM countries'))
        return (await withTenant(A, () => pool.query('SELECT FROM tasks'))).rowCount ?? -1
      } finally {
        await pool.end()
      }
    }
    expect(await tasksWith(first)).toBe(2)

    const rotated = await seal('rotate', '--json')
    const { retireLater, ...second } = JSON.parse(rotated.stdout)
    expect(retireLater).toEqual(['first'])
    expect(second).toEqual({
      keyId: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
      key: expect.stringMatching(/^\S{44}$/),
    })
    expect(rotated.stderr).toContain('tenancy seal retire first')
    expect(rotated.stderr).not.toContain(second.key)
    expect(await tasksWith(first)).toBe(2)
    expect(await tasksWith(second)).toBe(2)

    expect(await seal('retire', 'first')).toMatchObject({
      code: 0,
      stdout: `first is retired. Valid: ${second.keyId}.\n`,
    })
    await expect(tasksWith(first)).rejects.toThrow()
    expect(await tasksWith(second)).toBe(2)
    expect(await seal('retire', second.keyId)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the only one'),
    })
  })

  test('list names keys, and shows nothing of them', async () => {
    const { stdout } = await seal('list')
    expect(stdout).toMatch(/^first +made \S+Z {2}retired \S+Z\n\d{4}-\d\d-\d\d +made \S+Z {2}valid\n$/)
    const keys = JSON.parse((await seal('list', '--json')).stdout).keys
    expect(keys.map((each: object) => Object.keys(each))).toEqual(Array(2).fill(['keyId', 'createdAt', 'retiredAt']))
  })

  test('add takes a key from the environment', async () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7)).toString('base64')
    const run = (env: Record<string, string>) =>
      example.project.runWith({ DATABASE_URL: example.url, ...env }, 'seal', 'add', 'restored', '--key-env', 'SEAL_KEY')
    expect(await run({})).toMatchObject({ code: 2, stderr: expect.stringContaining('SEAL_KEY=… tenancy') })
    expect(await run({ SEAL_KEY: 'short' })).toMatchObject({ code: 2 })
    expect(await run({ SEAL_KEY: key })).toMatchObject({ code: 0 })
    expect((await seal('list')).stdout).toContain('restored')
  })
})
