// Proves what the SQL of sealed tenants says, and on a real PostgreSQL that its function answers with the tenant of a
// genuine seal and refuses every other, that keys are added and retired, and that all of it goes away again.
import { randomBytes } from 'node:crypto'
import { parse } from 'libpg-query'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sealer } from '../../src/seal.js'
import { addSealKey, retireSealKey, sealKeys } from '../../src/seal-keys.js'
import { sealTenants, tenantPolicy, unsealTenants } from '../../src/sql/index.js'
import { catalogOf } from '../sql/catalog.js'
import { refused } from '../sql/refused.js'
import { startPostgres } from '../support/postgres.js'
import { sealOf } from './sealed-database.js'

const A = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'

describe('the text', () => {
  test('makes the schema, the keys and the function', async () => {
    await expect(sealTenants()).toMatchFileSnapshot('seal-tenants.sql')
  })

  test('and takes them away', async () => {
    await expect(unsealTenants()).toMatchFileSnapshot('unseal-tenants.sql')
  })

  test.each([
    {},
    { type: 'text' },
    { type: 'int', setting: 'crm.seal$1', validFor: 3600 },
    { type: 'bigint' },
  ] as const)('of %j is SQL', async (options) => {
    expect((await parse(sealTenants(options))).stmts).toHaveLength(6)
    expect((await parse(unsealTenants())).stmts).toHaveLength(3)
  })

  test('names no key', () => {
    expect(sealTenants()).not.toMatch(/[0-9a-f]{32}|\\x/)
  })

  test.each([
    [{ type: 'UUID' }, 'The tenant column type is "UUID".', 'Use one of: uuid, int, bigint, text.'],
    [
      { setting: 'seal' },
      'The setting name "seal" contains no dot, and PostgreSQL keeps names without one for itself.',
      undefined,
    ],
    [{ setting: "a.b', true)" }, undefined, undefined],
    [{ validFor: 0 }, 'The validity of seals is the number 0.', undefined],
    [{ validFor: '1 or 1' }, 'The validity of seals is "1 or 1".', undefined],
    [{ valid: 60 }, 'sealTenants has no option "valid".', 'Use one of: type, setting, validFor.'],
    [null, 'The options of sealTenants are null.', 'Pass an object with any of: type, setting, validFor.'],
  ])('is refused for %j', (options, message, hint) => {
    const refusal = refused(() => sealTenants(options as never))
    expect(refusal).toMatchObject({ code: 'CONFIG.INVALID', ...(message && { message }), ...(hint && { hint }) })
  })
})

const majors = [15, 18] as const
describe.each(majors)('on PostgreSQL %i', (major) => {
  let server: Awaited<ReturnType<typeof startPostgres>>
  let database: Awaited<ReturnType<typeof server.createDatabase>>
  let owner: pg.Client
  let app: pg.Client
  const key = { keyId: 'k1', key: randomBytes(32) }
  const roles = { owner: '', app: '' }
  beforeAll(async () => {
    server = await startPostgres({ major })
    database = await server.createDatabase()
    const admin = await connect(database.adminUrl)
    for (const role of ['owner', 'app'] as const) {
      roles[role] = `${database.name}_${role}`
      await admin.query(`CREATE ROLE ${roles[role]} LOGIN PASSWORD '${role}'`)
    }
    await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${roles.owner}`)
    await admin.end()
    owner = await connect(database.urlFor(roles.owner, 'owner'))
    app = await connect(database.urlFor(roles.app, 'app'))
  })
  afterAll(async () => {
    await owner?.end()
    await app?.end()
    await database?.drop()
    const admin = await connect(server.adminUrl)
    for (const role of Object.values(roles)) await admin.query(`DROP ROLE IF EXISTS ${role}`)
    await admin.end()
    await server.stop()
  })

  /** What the app role is answered under a seal, or the SQLSTATE and the sentence with which it is refused. */
  async function tenantOf(seal: string | undefined, setting = 'app.tenant_seal', at = app) {
    await at.query('BEGIN')
    try {
      if (seal !== undefined) await at.query('SELECT set_config($1, $2, true)', [setting, seal])
      // As policies do, by the function itself: the app role has no USAGE on its schema.
      return (await at.query('SELECT tenant FROM asked')).rows[0].tenant
    } catch (error) {
      const { code, message } = error as pg.DatabaseError
      return `${code} ${message}`
    } finally {
      await at.query('ROLLBACK')
    }
  }

  async function install(options: Parameters<typeof sealTenants>[0] = {}) {
    await owner.query(sealTenants(options))
    await owner.query(`CREATE VIEW asked WITH (security_invoker) AS SELECT tenancy.tenant_id()::text AS tenant;
      GRANT SELECT ON asked TO ${roles.app}`)
  }
  const uninstall = () => owner.query(`DROP VIEW asked; ${unsealTenants()}`)

  test('everything is gone after the reverse, and running it again changes nothing', async () => {
    const before = await catalogOf(owner, `${database.name}%`)
    await owner.query(sealTenants())
    const after = await catalogOf(owner, `${database.name}%`)
    await addSealKey(owner, key)
    await owner.query(sealTenants())
    expect(await catalogOf(owner, `${database.name}%`)).toEqual(after)
    expect(await sealKeys(owner)).toHaveLength(1)
    expect(after.length).toBeGreaterThan(before.length + 5)
    await owner.query(unsealTenants())
    expect(await catalogOf(owner, `${database.name}%`)).toEqual(before)
    await owner.query(unsealTenants())
  })

  test('what else stands in the schema stays', async () => {
    await owner.query(`${sealTenants()} CREATE TABLE tenancy.other ()`)
    await owner.query(unsealTenants())
    expect((await owner.query("SELECT to_regclass('tenancy.other')::text AS other")).rows).toEqual([
      { other: 'tenancy.other' },
    ])
    await owner.query('DROP SCHEMA tenancy CASCADE')
  })

  test('while a policy is sealed, it stays', async () => {
    await owner.query(
      `${sealTenants()} CREATE TABLE projects (tenant_id uuid); ${tenantPolicy('projects', { sealed: true })}`,
    )
    await expect(owner.query(unsealTenants())).rejects.toMatchObject({ code: '2BP01' })
    await owner.query(`${tenantPolicy('projects')} ${unsealTenants()} DROP TABLE projects`)
  })

  test.each([
    ['uuid', A],
    ['int', '-42'],
    ['bigint', '9007199254740993'],
    ['text', "acme.co.uk 'ünïcode' {}"],
  ] as const)('a tenant of type %s comes back as it was sealed', async (type, tenant) => {
    await install({ type })
    await addSealKey(owner, key)
    const sealer = new Sealer(key)
    expect(await tenantOf(sealer.seal(tenant))).toBe(tenant)
    expect(await tenantOf(sealer.seal(''))).toBeNull()
    expect(await tenantOf(undefined)).toBeNull()
    expect(await tenantOf('')).toBeNull()
    await uninstall()
  })

  test('an id that the type does not know is an error, never the part of it that is one', async () => {
    await install({ type: 'int' })
    await addSealKey(owner, key)
    for (const id of ['1.5', '1.', '1 OR 1=1', A]) expect(await tenantOf(sealOf(id, { key }))).toMatch(/^22P02 /)
    await uninstall()
  })

  describe('installed', () => {
    beforeAll(async () => {
      await install()
      await addSealKey(owner, key)
    })
    afterAll(uninstall)
    const notGenuine = 'TSL01 The seal of the tenant is not genuine.'
    const expired = 'TSL02 The seal of the tenant has expired.'
    const tooLong = 'TSL03 The seal of the tenant is valid for longer than this database allows.'

    test.each([
      [300, A],
      [0, A],
      [-50, A],
      [-75, expired],
      [350, A],
      [375, tooLong],
      [86_400, tooLong],
    ])('a seal that expires in %i seconds is answered with %s', async (expiresIn, answer) => {
      expect(await tenantOf(sealOf(A, { key, expiresIn }))).toBe(answer)
    })

    test('any character of a seal changed, left out, doubled or swapped with the next makes it another, and refused', async () => {
      const genuine = sealOf(A, { key })
      expect(await tenantOf(genuine)).toBe(A)
      const others = new Set<string>()
      for (let i = 0; i < genuine.length; i++) {
        const [before, at, after] = [genuine.slice(0, i), genuine[i] as string, genuine.slice(i + 1)]
        for (const change of ['', at + at, at.toUpperCase(), at === '0' ? '1' : '0', '.', after[0] + at])
          others.add(
            before + change + (change.length === 2 && change[1] === at && change[0] !== at ? after.slice(1) : after),
          )
      }
      others.delete(genuine)
      expect(others.size).toBeGreaterThan(500)
      for (const other of others) expect([other, await tenantOf(other)]).toEqual([other, notGenuine])
    })

    test.each([
      '.',
      '....',
      'x',
      A,
      `${'0'.repeat(64)}.9999999999.k1.${A}`,
      '\u{1F600}'.repeat(80),
      "' OR true --",
      ' '.repeat(5000),
    ])('nonsense is refused: %j', async (seal) => expect(await tenantOf(seal)).toBe(notGenuine))

    test('a transaction that began in time goes on, however long it takes', async () => {
      // Measured against now(), which is the start of the transaction and not the time of the statement.
      await app.query('BEGIN')
      const late = sealOf(A, { key, expiresIn: -58 })
      await app.query("SELECT set_config('app.tenant_seal', $1, true), pg_sleep(3)", [late])
      expect((await app.query('SELECT tenant FROM asked')).rows).toEqual([{ tenant: A }])
      await app.query('ROLLBACK')
      expect(await tenantOf(late)).toBe(expired)
    })

    test('a seal for another setting is refused in this one', async () => {
      expect(await tenantOf(new Sealer({ ...key, setting: 'app.other' }).seal(A))).toBe(notGenuine)
    })

    test('the app role reads no key, whoever grants it the table', async () => {
      await owner.query(`GRANT USAGE ON SCHEMA tenancy TO ${roles.app}`)
      await expect(app.query('SELECT FROM tenancy.seal_keys')).rejects.toMatchObject({ code: '42501' })
      await owner.query(`GRANT ALL ON ALL TABLES IN SCHEMA tenancy TO ${roles.app}`)
      expect((await app.query('SELECT FROM tenancy.seal_keys')).rowCount).toBe(0)
      await expect(
        app.query("INSERT INTO tenancy.seal_keys VALUES ('mine', $1, $1)", [Buffer.alloc(64)]),
      ).rejects.toMatchObject({ code: '42501' })
      expect((await app.query('UPDATE tenancy.seal_keys SET retired_at = NULL')).rowCount).toBe(0)
      await owner.query(sealTenants())
      await expect(app.query('SELECT FROM tenancy.seal_keys')).rejects.toMatchObject({ code: '42501' })
      await owner.query(`REVOKE USAGE ON SCHEMA tenancy FROM ${roles.app}`)
    })
  })

  test('default privileges for every schema give nobody the keys', async () => {
    await owner.query(`ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${roles.app}, PUBLIC`)
    await owner.query(sealTenants())
    const { rows } = await owner.query(
      "SELECT has_any_column_privilege($1, 'tenancy.seal_keys', 'SELECT, INSERT, UPDATE, REFERENCES') AS may",
      [roles.app],
    )
    await owner.query(`ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM ${roles.app}, PUBLIC; ${unsealTenants()}`)
    expect(rows).toEqual([{ may: false }])
  })

  describe('keys', () => {
    beforeAll(() => install())
    afterAll(uninstall)
    const [first, second, third] = ['a', 'b', 'c'].map((keyId) => ({
      keyId,
      key: randomBytes(keyId === 'c' ? 200 : 32),
    })) as [typeof key, typeof key, typeof key]
    const refusal = (call: Promise<unknown>) =>
      call.then(
        () => 'it was not refused',
        ({ code, message, hint }) => ({ code, message, hint }),
      )

    test('are added, both valid, then one', async () => {
      await addSealKey(owner, first)
      await addSealKey(owner, { ...second, key: second.key.toString('base64') as never })
      await addSealKey(owner, third)
      for (const each of [first, second, third]) expect(await tenantOf(sealOf(A, { key: each }))).toBe(A)
      await retireSealKey(owner, 'a')
      expect(await tenantOf(sealOf(A, { key: first }))).toMatch('TSL01')
      expect(await tenantOf(sealOf(A, { key: second }))).toBe(A)
      const listed = await sealKeys(owner)
      expect(listed.map(({ keyId, retiredAt }) => [keyId, retiredAt instanceof Date])).toEqual([
        ['a', true],
        ['b', false],
        ['c', false],
      ])
      expect(Object.keys(listed[0] as object)).toEqual(['keyId', 'createdAt', 'retiredAt'])
    })

    test('are not added or retired twice, and the second time is no error', async () => {
      await addSealKey(owner, second)
      await retireSealKey(owner, 'a')
      expect(await sealKeys(owner)).toHaveLength(3)
    })

    test('keep their ids for ever', async () => {
      for (const taken of [{ ...second, key: randomBytes(32) }, first])
        expect(await refusal(addSealKey(owner, taken))).toEqual({
          code: 'CONFIG.INVALID',
          message: expect.stringContaining(`The key id "${taken.keyId}" stands for another key, or for a retired one.`),
          hint: 'Give the key another id.',
        })
      expect(await tenantOf(sealOf(A, { key: first }))).toMatch('TSL01')
    })

    test('are never all retired', async () => {
      await retireSealKey(owner, 'c')
      expect(await refusal(retireSealKey(owner, 'b'))).toMatchObject({
        code: 'CONFIG.INVALID',
        message: expect.stringContaining('The key "b" is the only one, and without it no tenant would see a row.'),
        hint: expect.stringContaining('Add another'),
      })
      expect(await tenantOf(sealOf(A, { key: second }))).toBe(A)
    })

    test('that do not exist cannot be retired', async () => {
      expect(await refusal(retireSealKey(owner, 'z'))).toMatchObject({
        message: expect.stringContaining('There is no key "z".'),
      })
      expect(await refusal(retireSealKey(owner, "b' OR true --"))).toMatchObject({ code: 'CONFIG.INVALID' })
      expect(await refusal(addSealKey(owner, { keyId: 'd', key: 'letmein' }))).toMatchObject({ code: 'CONFIG.INVALID' })
    })
  })
})

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}
