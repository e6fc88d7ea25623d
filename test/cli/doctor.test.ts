// Proves the command on live databases: it finds, writes what it is asked for, changes nothing there, and says by its exit
// code how it went.
import { createRequire } from 'node:module'
import Draft04 from 'ajv-draft-04'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Finding } from '../../src/doctor/finding.js'
import { hostileNames } from '../doctor/report/reports.js'
import { freePort } from '../support/free-port.js'
import { pgbouncerAvailable, startPgBouncer } from '../support/pgbouncer.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { buildCommand, newProject, type Ran, type TestProject } from './command.js'
import { configOf, type Example, newExample, SCHEMA } from './example-project.js'

beforeAll(() => buildCommand())

const found = ({ stdout }: Ran): string[] =>
  (JSON.parse(stdout) as { findings: Finding[] }).findings.map(({ rule, object }) => `${rule} ${object}`)

/** Which faults the tests' own server has is not what they are about. */
const ofServer = { rule: 'server-outdated', reason: 'The server of the tests.' }
const baselineFor = async (url: string, ...entries: object[]): Promise<string> => {
  const [{ version = '' } = {}] = await runSql<{ version: string }>(
    url,
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS version`,
  )
  return JSON.stringify({ accepted: [{ ...ofServer, object: `PostgreSQL ${version}` }, ...entries] })
}

/** Everything in the catalog that somebody could have changed. */
const catalogOf = (url: string) =>
  runSql(
    url,
    `SELECT (SELECT json_agg(c ORDER BY c.oid) FROM (SELECT oid, relname, relrowsecurity, relforcerowsecurity, relacl, reloptions FROM pg_class WHERE oid > 16383) c) AS classes,
      (SELECT json_agg(p ORDER BY p.oid) FROM pg_policy p) AS policies,
      (SELECT json_agg(s) FROM pg_db_role_setting s) AS settings,
      (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables) AS writes`,
  )

describe('an unprotected database', () => {
  let example: Example
  let project: TestProject
  beforeAll(async () => {
    example = await newExample()
    project = example.project
    expect(await project.run('roles', '--apply', '--url', example.url)).toMatchObject({ code: 0 })
  })
  afterAll(() => example.close())
  afterEach(() => project.write('tenancy.config.json', configOf({ roles: example.roles })))

  test('is judged by the configuration: its column, its app role, its shared tables', async () => {
    const { code, stdout, stderr } = await project.run('doctor', '--url', example.url)
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(stdout).toContain(`The app role ${example.roles.app}: 3 tenant tables`)
    expect(stdout).toMatch(/^error .+ {2}rls-disabled$/m)
    expect(stdout).toContain('ALTER TABLE "public"."projects" FORCE ROW LEVEL SECURITY;')
    expect(stdout).toContain('"public"."comments"')
    expect(stdout).not.toContain('"public"."countries"')
    expect(stdout).toMatch(/\d+ of \d+ findings can be fixed without a decision: tenancy doctor --fix\n$/)
  })

  test('is not changed, and no file is written', async () => {
    const before = [await catalogOf(example.url), await project.files()]
    await project.run('doctor', '--url', example.url, '--probe-pooler')
    expect([await catalogOf(example.url), await project.files()]).toEqual(before)
  })

  test('is the same as one object', async () => {
    const { code, stdout, stderr } = await project.run('doctor', '--url', example.url, '--json')
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      failed: true,
      findings: expect.arrayContaining([
        expect.objectContaining({ rule: 'rls-disabled', level: 'error', object: '"public"."projects"' }),
      ]),
      checked: { appRole: example.roles.app, connectedAs: 'postgres' },
      accepted: [],
      obsolete: [],
    })
  })

  test('is seen by the app role as well', async () => {
    await runSql(example.url, `ALTER ROLE ${example.roles.app} PASSWORD 'app'`)
    const own = await project.run('doctor', '--json', '--url', example.database.urlFor(example.roles.app, 'app'))
    expect(JSON.parse(own.stdout).checked).toMatchObject({ connectedAs: example.roles.app })
    expect(found(own)).toEqual(found(await project.run('doctor', '--json', '--url', example.url)))
  })

  test('has the coloured report on a terminal that wants colours', async () => {
    const { stdout } = await project.runWith({ FORCE_COLOR: '1', NO_COLOR: '' }, 'doctor', '--url', example.url)
    expect(stdout).toContain('\u001b[31merror')
  })

  test('is written as a page and as SARIF, which points at the models', async () => {
    const args = ['--html', 'isolation.html', '--sarif', 'doctor.sarif']
    const { code, stderr } = await project.run('doctor', '--url', example.url, ...args)
    expect(code).toBe(1)
    expect(stderr).toBe('Wrote isolation.html.\nWrote doctor.sarif.\n')
    expect(await project.read('isolation.html')).toContain(`<dd>${example.roles.app}</dd>`)
    const log = JSON.parse(await project.read('doctor.sarif'))
    expect(problemsOf(log)).toEqual([])
    const lines = SCHEMA.split('\n')
    const places = log.runs[0].results.map(
      ({ ruleId, locations: [{ physicalLocation: place, logicalLocations: names }] }: SarifResult) => [
        `${ruleId} ${names[0]?.fullyQualifiedName}`,
        `${place.artifactLocation.uri}: ${lines[place.region.startLine - 1]}`,
      ],
    )
    expect(places).toContainEqual(['rls-disabled "public"."tasks"', 'prisma/schema.prisma: model Task {'])
    expect(places).toContainEqual(['child-unprotected "public"."comments"', 'prisma/schema.prisma: model Comment {'])
    await project.run('doctor', '--url', example.url, ...args)
  })

  test('flags override the configuration, and without one the app role is enough', async () => {
    const elsewhere = await newProject({})
    try {
      const args = ['doctor', '--url', example.url, '--json', '--app-role', example.roles.app]
      expect(found(await elsewhere.run(...args, '--column', 'company_id'))).toContain(
        'rls-disabled "public"."projects"',
      )
      expect(found(await elsewhere.run(...args))).toContain('no-tenant-tables "tenant_id"')
      const other = await project.run('doctor', '--url', example.url, '--json', '--app-role', example.roles.bypass)
      expect(JSON.parse(other.stdout).checked.appRole).toBe(example.roles.bypass)
      expect(found(other)).toContain(`app-role-bypasses-rls "${example.roles.bypass}"`)
    } finally {
      await elsewhere.remove()
    }
  })

  test('a schema that cannot be read is said to be not checked; the database is', async () => {
    await project.write('tenancy.config.json', configOf({ roles: example.roles, schema: 'elsewhere.prisma' }))
    const { code, stdout } = await project.run('doctor', '--url', example.url, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout).checked.notChecked).toContainEqual({
      what: 'Whether the database is what its schema says',
      reason: 'There is no Prisma schema at elsewhere.prisma.',
    })
  })

  describe('with a baseline', () => {
    afterAll(() => project.write('baseline.json', '{ "accepted": [] }'))

    test('made of what is found, accepts all of it and nothing that comes after', async () => {
      const args = ['doctor', '--url', example.url, '--baseline', 'baseline.json']
      const made = await project.run(...args, '--update-baseline', 'Known since May.')
      expect(made).toMatchObject({ code: 0, stderr: 'Wrote baseline.json.\n' })
      expect(JSON.parse(await project.read('baseline.json')).accepted).toContainEqual({
        rule: 'rls-disabled',
        object: '"public"."projects"',
        reason: 'Known since May.',
      })
      const { code, stdout } = await project.run(...args)
      expect(code).toBe(0)
      expect(stdout).toMatch(/\d+ more findings accepted by the baseline\.\n$/)
      await runSql(example.url, 'CREATE TABLE notes (company_id uuid NOT NULL, text text)')
      try {
        const after = await project.run(...args, '--json')
        expect(after.code).toBe(1)
        expect(new Set(found(after).map((each) => each.replace(/^\S+ /, '')))).toEqual(new Set(['"public"."notes"']))
      } finally {
        await runSql(example.url, 'DROP TABLE notes')
      }
    })

    test('is told which of its entries no longer apply, which is no failure', async () => {
      const all = JSON.parse(await project.read('baseline.json')).accepted as object[]
      const gone = { rule: 'rls-disabled', object: '"public"."former"', reason: 'Was empty.' }
      await project.write('baseline.json', JSON.stringify({ accepted: [...all, gone] }))
      const args = ['doctor', '--url', example.url, '--baseline', 'baseline.json']
      const { code, stderr } = await project.run(...args)
      expect({ code, stderr }).toEqual({
        code: 0,
        stderr:
          'warning: The baseline names rls-disabled of "public"."former", which is not found any more: take the entry out.\n',
      })
      expect(JSON.parse((await project.run(...args, '--json')).stdout)).toMatchObject({
        failed: false,
        obsolete: [gone],
      })
      await project.run(...args, '--update-baseline', 'New.')
      expect(JSON.parse(await project.read('baseline.json')).accepted).toEqual(all)
    })
  })
})

interface SarifResult {
  readonly ruleId: string
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string }
        readonly region: { readonly startLine: number }
      }
      readonly logicalLocations: readonly { readonly fullyQualifiedName: string }[]
    },
  ]
}

const validate = new Draft04.default({ strict: false, unicodeRegExp: false, validateFormats: false }).compile(
  createRequire(import.meta.url)('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json') as object,
)
const problemsOf = (log: object): unknown => (validate(log) ? [] : validate.errors)

describe('--fix', () => {
  let example: Example
  let project: TestProject
  beforeAll(async () => {
    example = await newExample()
    project = example.project
    await project.run('roles', '--apply', '--url', example.url)
  })
  afterAll(() => example.close())

  test('writes a migration after which only what it named is left', async () => {
    const before = await project.run('doctor', '--url', example.url, '--json')
    const { code, stdout, stderr } = await project.run('doctor', '--url', example.url, '--fix')
    expect(code).toBe(1)
    expect(stderr).toContain('tenancy migration --write')
    const path =
      /Wrote (prisma\/migrations\/\d{14}_tenancy_doctor\/migration\.sql), which fixes \d+ findings\./.exec(
        stdout,
      )?.[1] ?? ''
    const forPeople = /\d+ findings? for a person to decide:\n((?: {2}.+\n)+)/.exec(stdout)?.[1] ?? ''
    const named = forPeople
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().replace(': ', ' '))
    expect(named.length).toBeGreaterThan(0)
    expect(named.length).toBeLessThan(found(before).length)

    const again = await project.run('doctor', '--url', example.url, '--fix')
    expect(again.stdout).toContain(`${path} has these fixes already.`)
    expect(Object.keys(await project.files()).filter((each) => each.endsWith('migration.sql'))).toEqual([path])

    // As Prisma runs it: the whole text, in one transaction.
    await runSql(example.url, await project.read(path))
    const after = await project.run('doctor', '--url', example.url, '--json')
    // Where row-level security was off, everything was told; now that it is on, the counts of an index are.
    const others = (each: string) => !each.startsWith('index-tells-values')
    expect(found(after).filter(others).sort()).toEqual(named.filter(others).sort())
  })

  test('writes nothing where nothing can be fixed without a decision', async () => {
    const files = await project.files()
    const { stdout } = await project.run('doctor', '--url', example.url, '--fix')
    expect(stdout).toContain('Nothing can be fixed without a decision: no migration was written.')
    expect(await project.files()).toEqual(files)
  })
})

describe('a database that tenancy migration has protected', () => {
  let example: Example
  let project: TestProject
  beforeAll(async () => {
    example = await newExample()
    project = example.project
    await project.run('migration', '--write')
    expect(await project.run('apply', '--online', '--url', example.url)).toMatchObject({ code: 0 })
    const serial = {
      rule: 'unique-without-tenant',
      object: '"comments_pkey" on "public"."comments"',
      reason: 'No secret.',
    }
    await project.write('baseline.json', await baselineFor(example.url, serial))
  })
  afterAll(() => example.close())
  const doctor = (...args: string[]) =>
    project.run('doctor', '--url', example.url, '--baseline', 'baseline.json', ...args)

  const recorded = (name: string) =>
    runSql(
      example.url,
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('${name}', '', '${name}', now())`,
    )

  test('has no finding at all', async () => {
    const { code, stdout } = await doctor('--fail-on', 'info')
    expect({ code, stdout }).toMatchObject({ code: 0 })
    expect(stdout).toContain('Nothing found in 3 tenant tables.')
  })

  test.each([
    { args: [], code: 1 },
    { args: ['--fail-on', 'warning'], code: 1 },
    { args: ['--fail-on', 'info'], code: 1 },
    { args: ['--fail-on', 'error'], code: 0 },
  ])('with a warning ends with $code for $args', async ({ args, code }) => {
    await runSql(example.url, 'DROP INDEX tasks_company_id_id_idx, tasks_company_id_created_at_idx')
    try {
      const ran = await doctor('--json', ...args)
      expect(found(ran)).toEqual(['tenant-index-missing "public"."tasks"'])
      expect(ran.code).toBe(code)
    } finally {
      await runSql(
        example.url,
        'CREATE INDEX tasks_company_id_id_idx ON tasks (company_id, id); CREATE INDEX tasks_company_id_created_at_idx ON tasks (company_id, created_at)',
      )
    }
  })

  test('has drifted when somebody drops a policy or adds one by hand', async () => {
    await runSql(example.url, `ALTER POLICY tenant_isolation ON tasks RENAME TO isolation`)
    try {
      const ran = await doctor('--json')
      expect(ran.code).toBe(1)
      expect(found(ran)).toEqual([
        'policy-drift "tenant_isolation" on "public"."tasks"',
        'policy-drift "isolation" on "public"."tasks"',
      ])
    } finally {
      await runSql(example.url, `ALTER POLICY isolation ON tasks RENAME TO tenant_isolation`)
    }
  })

  test('has not drifted by a policy of a migration of the user', async () => {
    const sql = `CREATE POLICY "support" ON "tasks" FOR SELECT TO ${example.roles.bypass} USING (true);`
    await runSql(example.url, sql)
    try {
      expect(found(await doctor('--json'))).toEqual(['policy-drift "support" on "public"."tasks"'])
      await project.write('prisma/migrations/29990101000000_support/migration.sql', sql)
      await recorded('29990101000000_support')
      expect(found(await doctor('--json'))).toEqual([])
      const dynamic = `DO $$ BEGIN EXECUTE 'CREATE POLICY other ON tasks USING (false)'; END $$;`
      await project.write('prisma/migrations/29990101000001_other/migration.sql', dynamic)
      expect(JSON.parse((await doctor('--json')).stdout).checked.notChecked).toEqual([])
      await recorded('29990101000001_other')
      expect(JSON.parse((await doctor('--json')).stdout).checked.notChecked).toEqual([
        {
          what: 'Whether the policies are those of the migrations',
          reason: 'A migration makes policies in a way that its text does not tell, such as in a DO block.',
        },
      ])
    } finally {
      await runSql(example.url, 'DROP POLICY support ON tasks')
    }
  })
})

describe('hostile names', () => {
  let example: Example
  let project: TestProject
  const tables = hostileNames.map((name) => pg.escapeIdentifier(name))
  beforeAll(async () => {
    example = await newExample()
    project = example.project
    await runSql(
      example.url,
      tables
        .map(
          (table, n) =>
            `CREATE TABLE ${table} (id serial PRIMARY KEY, company_id uuid NOT NULL); CREATE VIEW "view ${n}" AS TABLE ${table};`,
        )
        .join('\n'),
    )
    // After the tables, so that the app role may read them.
    await project.run('roles', '--apply', '--url', example.url)
  })
  afterAll(() => example.close())
  const doctor = (...args: string[]) => project.run('doctor', '--url', example.url, ...args)

  test('are found, and do nothing to a terminal', async () => {
    const ran = await doctor('--json')
    for (const table of tables) expect(found(ran)).toContain(`rls-disabled "public".${table}`)
    const { stdout } = await doctor()
    expect(stdout).toContain('\\u{1b}[31m')
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
  })

  test('are text on the page and in SARIF', async () => {
    await doctor('--html', 'hostile.html', '--sarif', 'hostile.sarif')
    const html = await project.read('hostile.html')
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
    expect(html).not.toMatch(/<(script|img)/)
    expect(problemsOf(JSON.parse(await project.read('hostile.sarif')))).toEqual([])
  })

  test('are accepted by a baseline under their own names', async () => {
    expect(await doctor('--baseline', 'hostile.json', '--update-baseline', 'So it is.')).toMatchObject({ code: 0 })
    expect(await doctor('--baseline', 'hostile.json', '--fail-on', 'info')).toMatchObject({ code: 0, stderr: '' })
  })

  test('are fixed by a migration that touches nothing else', async () => {
    const before = await runSql(example.url, 'SELECT count(*) FROM companies')
    const { stdout } = await doctor('--fix')
    const path = /Wrote (\S+migration\.sql)/.exec(stdout)?.[1] ?? ''
    await runSql(example.url, await project.read(path))
    const after = found(await doctor('--json'))
    expect(after.filter((each) => each.startsWith('rls-disabled') || each.startsWith('view-without'))).toEqual([])
    expect(await runSql(example.url, 'SELECT count(*) FROM companies')).toEqual(before)
  })
})

describe.skipIf(!pgbouncerAvailable())('--probe-pooler (skipped where PgBouncer is not installed)', () => {
  test('tells a pooler that hands settings on from a direct connection', async () => {
    const example = await newExample()
    const { project, roles, database, url } = example
    await project.run('roles', '--apply', '--url', url)
    await runSql(url, `ALTER ROLE ${roles.app} PASSWORD 'app'`)
    const pooler = await startPgBouncer({
      server: await startPostgres(),
      database: database.name,
      users: [{ name: roles.app, password: 'app' }],
    })
    try {
      const rules = async (...args: string[]) =>
        found(await project.run('doctor', '--json', ...args)).map((each) => each.split(' ')[0])
      expect(await rules('--url', pooler.url(roles.app), '--probe-pooler')).toContain('pooler-leaks-settings')
      expect(await rules('--url', pooler.url(roles.app))).not.toContain('pooler-leaks-settings')
      expect(await rules('--url', url, '--probe-pooler')).not.toContain('pooler-leaks-settings')
      // A search path that the doctor set would reach whoever comes next.
      await project.run('doctor', '--url', `${pooler.url(roles.app)}?schema=elsewhere`)
      const client = new pg.Client({ connectionString: pooler.url(roles.app) })
      await client.connect()
      const { rows } = await client.query('SHOW search_path')
      await client.end()
      expect(rows).toEqual([{ search_path: '"$user", public' }])
    } finally {
      await pooler.stop()
      await example.close()
    }
  })
})

describe('what cannot be done', () => {
  let example: Example
  let project: TestProject
  beforeAll(async () => {
    example = await newExample()
    project = example.project
    await project.run('roles', '--apply', '--url', example.url)
  })
  afterAll(() => example.close())
  beforeEach(() => project.write('tenancy.config.json', configOf({ roles: example.roles })))

  async function refusalOf(of: TestProject, ...args: string[]): Promise<Ran> {
    const before = await of.files()
    const ran = await of.run('doctor', ...args)
    expect({ args, code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 2 })
    expect(ran.stderr).toMatch(/^error: .+\n[\s\S]*^hint: {2}.+/m)
    expect(ran.stderr).not.toMatch(/^\s+at /m)
    expect(await of.files()).toEqual(before)
    return ran
  }

  test('an unreachable server, a refused login and a missing database are named, without the password', async () => {
    const port = await freePort()
    const { stderr } = await refusalOf(project, '--url', `postgresql://me:secret@127.0.0.1:${port}/app`)
    expect(stderr).toContain(`127.0.0.1:${port} cannot be reached (ECONNREFUSED)`)
    expect(stderr).not.toContain('secret')
    const stranger = await refusalOf(project, '--url', example.database.urlFor('stranger', 'secret'))
    expect(stranger.stderr).toContain('refuses the login of stranger')
    const nowhere = await refusalOf(project, '--url', example.url.replace(example.database.name, 'nowhere'))
    expect(nowhere.stderr).toContain('There is no database nowhere')
    expect((await refusalOf(project)).stderr).toContain('--url postgresql://')
  })

  test('a role that does not exist is told those that do', async () => {
    const { stderr } = await refusalOf(project, '--url', example.url, '--app-role', 'app_usr')
    expect(stderr).toContain('There is no role "app_usr"')
    expect(stderr).toContain(example.roles.app)
  })

  test('nobody who says which role it is about is told how to', async () => {
    const elsewhere = await newProject({})
    const { stderr } = await refusalOf(elsewhere, '--url', example.url)
    expect(stderr).toContain('--app-role app_user')
    await elsewhere.remove()
  })

  test('a wrong configuration is refused, not passed over', async () => {
    await project.write('tenancy.config.json', configOf({ roles: example.roles, colum: 'x' }))
    expect((await refusalOf(project, '--url', example.url)).stderr).toContain('unknown key "colum"')
    await project.write('tenancy.config.json', '{')
    expect((await refusalOf(project, '--url', example.url)).stderr).toContain('tenancy.config.json is not JSON')
  })

  test.each([
    [
      'a rule that does not exist',
      { accepted: [{ rule: 'rls-of', object: 'x', reason: 'y' }] },
      '"rls-of"',
      'rls-disabled',
    ],
    ['an entry without a reason', { accepted: [{ rule: 'rls-disabled', object: 'x' }] }, 'no "reason"', 'Say why'],
    ['broken JSON', '{ "accepted": [', 'is not JSON', '"reason"'],
  ])('a baseline with %s is refused', async (_, value, message, hint) => {
    await project.write('bad.json', typeof value === 'string' ? value : JSON.stringify(value))
    const { stderr } = await refusalOf(project, '--url', example.url, '--baseline', 'bad.json')
    expect(stderr).toContain('The baseline bad.json')
    expect(stderr).toContain(message)
    expect(stderr).toContain(hint)
  })

  test('a baseline that is not there, or an update without file or reason, is told what to type', async () => {
    const missing = await refusalOf(project, '--url', example.url, '--baseline', 'none.json')
    expect(missing.stderr).toContain('tenancy doctor --baseline none.json --update-baseline')
    const nowhere = await refusalOf(project, '--url', example.url, '--update-baseline', 'x')
    expect(nowhere.stderr).toContain('--baseline tenancy.baseline.json')
    const empty = await refusalOf(project, '--url', example.url, '--baseline', 'none.json', '--update-baseline', ' ')
    expect(empty.stderr).toContain('has no reason')
  })

  test('a report that cannot be written is an error', async () => {
    for (const option of ['html', 'sarif']) {
      const { stderr } = await refusalOf(project, '--url', example.url, `--${option}`, 'no/such/folder/report')
      expect(stderr).toContain('no/such/folder/report cannot be written (ENOENT)')
      expect(stderr).toContain(`--${option} report.${option}`)
    }
  })

  test('a level that is none is refused', async () => {
    const { code, stderr } = await project.run('doctor', '--url', example.url, '--fail-on', 'never')
    expect(code).toBe(2)
    expect(stderr).toContain('Allowed choices are error, warning, info')
  })

  test('an error is one object where JSON is asked for', async () => {
    const { stdout } = await refusalOf(project, '--url', example.url, '--app-role', 'app_usr', '--json')
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'CONFIG.INVALID', message: expect.stringContaining('app_usr'), hint: expect.any(String) },
    })
  })

  test('a project without a schema has no place for --fix', async () => {
    const elsewhere = await newProject({})
    const { stderr } = await refusalOf(elsewhere, '--url', example.url, '--app-role', example.roles.app, '--fix')
    expect(stderr).toContain('There is no Prisma schema')
    await elsewhere.remove()
  })

  test('a server that cancels what the doctor asks is an error with a hint', async () => {
    const { app } = example.roles
    await runSql(example.url, `ALTER ROLE ${app} PASSWORD 'app'; ALTER ROLE ${app} SET statement_timeout = 1`)
    const { stderr } = await refusalOf(project, '--url', example.database.urlFor(app, 'app'))
    expect(stderr).toContain('The doctor could not read the database: canceling statement due to statement timeout.')
    expect(stderr).toContain('Nothing was changed.')
    await runSql(example.url, `ALTER ROLE ${app} RESET statement_timeout`)
  })

  describe('where an administrator has hidden a catalog', () => {
    let url: string
    beforeAll(async () => {
      await runSql(example.url, `ALTER ROLE ${example.roles.app} PASSWORD 'app'`)
      url = example.database.urlFor(example.roles.app, 'app')
    })
    const hidden = async <Result>(catalog: string, work: () => Promise<Result>): Promise<Result> => {
      await runSql(example.url, `REVOKE SELECT ON pg_catalog.${catalog} FROM PUBLIC`)
      try {
        return await work()
      } finally {
        await runSql(example.url, `GRANT SELECT ON pg_catalog.${catalog} TO PUBLIC`)
      }
    }

    test('without which nothing can be judged, it says which and what to grant', async () => {
      const { stderr } = await hidden('pg_class', () => refusalOf(project, '--url', url))
      expect(stderr).toContain('pg_class')
      const functions = await hidden('pg_proc', () => refusalOf(project, '--url', url))
      expect(functions.stderr).toContain('pg_proc')
      const policies = await hidden('pg_policy', () => refusalOf(project, '--url', url))
      expect(policies.stderr).toContain(`GRANT SELECT ON pg_catalog.pg_policy TO "${example.roles.app}";`)
    })

    test('it judges the rest, and says what it could not look at', async () => {
      const ran = await hidden('pg_constraint', () => project.run('doctor', '--url', url, '--json'))
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 1, stderr: '' })
      expect(JSON.parse(ran.stdout).checked.notChecked).toContainEqual({
        what: expect.any(String),
        reason: expect.stringContaining('pg_constraint'),
      })
      expect(found(ran)).toContain('rls-disabled "public"."projects"')
    })
  })
})
