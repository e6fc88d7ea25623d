// Proves that every scope, every binding, every refusal and every use of acrossTenants is told exactly once, with what a
// log needs and nothing that it must not hold: in both modes, counted against what went over the wire.
import { randomUUID } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import express from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AcrossBinder } from '../../src/across/across-binder.js'
import { Binder } from '../../src/binding.js'
import { tryCurrentTenant, withoutTenant, withTenant } from '../../src/context.js'
import { letDatabaseAnswer } from '../../src/database-answers.js'
import { TenancyError, withoutHint } from '../../src/errors.js'
import { fromHeader, tenantScope } from '../../src/frameworks/express.js'
import { channels, listen } from '../../src/telemetry/index.js'
import { createAuditedDatabase, openAcross } from '../across/open-across.js'
import { listening } from '../frameworks/stages.js'
import { type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { type FlightProxy, startFlightProxy } from '../support/flight-proxy.js'
import { modes } from '../support/modes.js'
import { startPostgres } from '../support/postgres.js'
import { heardDuring } from './heard.js'

let db: TenantDatabase
let proxy: FlightProxy
let a: SeededTenant
let b: SeededTenant
beforeAll(async () => {
  db = await createAuditedDatabase()
  proxy = await startFlightProxy(await startPostgres())
  ;[a, b] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
})
afterAll(async () => {
  await proxy?.stop()
  await db?.drop()
})

const ofTenant = ({ tenantId }: SeededTenant) => ({ kind: 'tenant', tenant: tenantId })

describe.each(modes)('in %s mode', (mode) => {
  let opened: ReturnType<typeof openAcross>
  beforeAll(() => {
    const url = (original: string) => proxy.url(original)
    opened = openAcross(mode, { appUrl: url(db.appUrl), bypassUrl: url(db.bypassUrl) })
  })
  afterAll(() => opened?.close())

  /** Operations of every kind: merged, in transactions, raw, and several statements in one. */
  const work = async ({ projectIds }: SeededTenant) => {
    const { prisma } = opened
    const [id = ''] = projectIds
    await Promise.all(projectIds.map((own) => prisma.project.findUnique({ where: { id: own } })))
    await prisma.project.findMany({ include: { tasks: true } })
    await prisma.$queryRaw`SELECT count(*) FROM projects`
    await prisma.project.create({ data: { name: randomUUID(), tasks: { create: [{ title: 'nested' }] } } as never })
    await prisma.$transaction([prisma.project.count(), prisma.project.findUnique({ where: { id } })])
    await prisma.$transaction(async (tx) => {
      await tx.task.count()
      await tx.task.updateMany({ where: { title: 'nobody' }, data: { done: true } })
    })
  }

  test('a scope is told once, from inside, however many queries it has', async () => {
    const inside: unknown[] = []
    const end = listen('scope', () => inside.push(tryCurrentTenant()))
    const { scope } = await heardDuring(async () => {
      await withTenant(a.tenantId, async () => {
        await work(a)
        await withoutTenant(() => opened.prisma.plan.count())
        await withTenant({ id: b.tenantId }, () => opened.prisma.project.count())
        await opened.prisma.project.count()
      })
      await opened.prisma.$forTenant(b.tenantId).project.findMany({ include: { tasks: true } })
      await withoutTenant(() => {})
    })
    end()
    expect(scope).toEqual([ofTenant(a), { kind: 'none' }, ofTenant(b), ofTenant(b), { kind: 'none' }])
    expect(inside).toEqual([a.tenantId, undefined, b.tenantId, b.tenantId, undefined])
  })

  test('a binding is told for each that went over the wire, with the tenant that it bound', async () => {
    proxy.reset()
    const { binding } = await heardDuring(() =>
      Promise.all([a, b, a, b].map((tenant) => withTenant(tenant.tenantId, () => work(tenant)))),
    )
    const sent = proxy.statements().filter((sql) => sql.startsWith(new Binder().sql))
    expect(sent.length).toBeGreaterThan(4 * 6)
    expect(binding).toHaveLength(sent.length)
    const of = (tenant: SeededTenant) => binding.filter((event) => event.tenant === tenant.tenantId)
    expect(of(a)).toHaveLength(sent.length / 2)
    expect(of(b)).toHaveLength(sent.length / 2)
    expect(new Set(binding.map((event) => JSON.stringify(event)))).toEqual(
      new Set([a, b].map((tenant) => JSON.stringify(ofTenant(tenant)))),
    )
  })

  test('it is told in the scope that it was bound for, and in the form that PostgreSQL gets', async () => {
    const heard: unknown[] = []
    const end = listen('binding', ({ tenant }) => heard.push([tenant, tryCurrentTenant()]))
    const shouted = a.tenantId.toUpperCase()
    await Promise.all([
      withTenant(shouted, () => opened.prisma.project.findUnique({ where: { id: a.projectIds[0] as string } })),
      withTenant(b.tenantId, () => opened.prisma.project.findUnique({ where: { id: a.projectIds[0] as string } })),
    ])
    end()
    expect(heard.toSorted()).toEqual(
      [
        [a.tenantId, a.tenantId],
        [b.tenantId, b.tenantId],
      ].toSorted(),
    )
  })

  test('without a tenant the binding is of kind none', async () => {
    const { binding } = await heardDuring(() => withoutTenant(() => opened.prisma.plan.count()))
    expect(binding).toEqual([{ kind: 'none' }])
  })

  const refusals: Record<string, { code: string; run: () => unknown }> = {
    'a query without a scope': { code: 'TENANT.REQUIRED', run: () => opened.prisma.project.findMany() },
    'a merged query without a scope': {
      code: 'TENANT.REQUIRED',
      run: () => opened.prisma.project.findUnique({ where: { id: a.projectIds[0] as string } }),
    },
    'raw SQL without a scope': { code: 'TENANT.REQUIRED', run: () => opened.prisma.$queryRaw`SELECT 1` },
    'a transaction without a scope': {
      code: 'TENANT.REQUIRED',
      run: () => opened.prisma.$transaction(async (tx) => tx.project.count()),
    },
    'an array transaction without a scope': {
      code: 'TENANT.REQUIRED',
      run: () => opened.prisma.$transaction([opened.prisma.project.count(), opened.prisma.task.count()]),
    },
    'an id that is none': { code: 'TENANT.INVALID_ID', run: () => withTenant('', () => {}) },
    'an id of another type': {
      code: 'TENANT.INVALID_ID',
      run: () => withTenant('acme', () => opened.prisma.project.count()),
    },
    "a transaction in another tenant's scope": {
      code: 'TENANT.MISMATCH',
      run: () =>
        withTenant(a.tenantId, () =>
          opened.prisma.$transaction((tx) => withTenant(b.tenantId, () => tx.project.count())),
        ),
    },
    'an array transaction of two tenants': {
      code: 'TENANT.MISMATCH',
      run: async () => {
        const { prisma } = opened
        const ofA = await withTenant(a.tenantId, () => ({ query: prisma.project.count() }))
        await withTenant(b.tenantId, () => prisma.$transaction([ofA.query, prisma.project.count()]))
      },
    },
    "another tenant's row, known to the client": {
      code: 'TENANT.MISMATCH',
      run: () =>
        withTenant(a.tenantId, () => opened.prisma.project.create({ data: { name: 'x', tenantId: b.tenantId } })),
    },
    "another tenant's row": {
      code: 'POLICY.VIOLATION',
      run: () =>
        letDatabaseAnswer(() =>
          withTenant(a.tenantId, () => opened.prisma.project.create({ data: { name: 'x', tenantId: b.tenantId } })),
        ),
    },
    "another tenant's row in a transaction": {
      code: 'POLICY.VIOLATION',
      run: () =>
        letDatabaseAnswer(() =>
          withTenant(a.tenantId, () =>
            opened.prisma.$transaction((tx) => tx.project.create({ data: { name: 'x', tenantId: b.tenantId } })),
          ),
        ),
    },
    'a statement that changes the session': {
      code: 'QUERY.UNSUPPORTED',
      run: () => withTenant(a.tenantId, () => opened.prisma.$executeRaw`SET search_path = public`),
    },
    'acrossTenants without a reason': {
      code: 'CONFIG.INVALID',
      run: () => opened.prisma.$acrossTenants({ reason: '' }, () => {}),
    },
  }
  test.each(Object.entries(refusals))('%s is told as refused, once', async (_, { code, run }) => {
    let error: TenancyError | undefined
    const { refusal } = await heardDuring(() =>
      Promise.resolve(run()).catch((caught) => {
        error = caught
      }),
    )
    expect(error).toBeInstanceOf(TenancyError)
    expect(refusal).toMatchObject([{ code }])
    // The event is older than the name of the call, which the caller's sentence begins with.
    const what = refusal[0]?.message.replace(/^A query /, '') ?? ''
    expect(error && withoutHint(error).endsWith(what)).toBe(true)
  })

  test('two refused in one tick are two', async () => {
    const find = () => opened.prisma.project.findUnique({ where: { id: a.projectIds[0] as string } })
    const { refusal } = await heardDuring(() => Promise.allSettled([find(), find()]))
    expect(refusal).toHaveLength(2)
  })

  test('acrossTenants is told when it begins and when it is over, and its bindings are nobody’s', async () => {
    const { prisma } = opened
    proxy.reset()
    const heard = await heardDuring(() =>
      prisma.$acrossTenants({ reason: 'invoices' }, async () => {
        await prisma.project.count()
        await prisma.$transaction(async (tx) => {
          await tx.project.count()
          await tx.task.count()
        })
      }),
    )
    const [begin, end] = heard.across
    const id = expect.stringMatching(/^[0-9a-f-]{36}$/)
    const caller = expect.stringContaining('events.test.ts')
    expect(heard.across).toHaveLength(2)
    expect(begin).toEqual({ phase: 'begin', id, reason: 'invoices', caller, write: false })
    const over = { phase: 'end', statements: 3, duration: expect.any(Number), outcome: 'returned' }
    expect(end).toEqual({ ...begin, ...over })
    // Its rows in the audit table are written without a tenant.
    const sent = proxy.statements().filter((sql) => sql.startsWith(new AcrossBinder(0).sql))
    expect(sent.length).toBeGreaterThan(1)
    expect(heard.binding).toEqual([{ kind: 'none' }, ...sent.map(() => ({ kind: 'across' })), { kind: 'none' }])
    expect(heard.scope).toEqual([{ kind: 'none' }, { kind: 'across' }, { kind: 'none' }])
  })

  test('what throws inside acrossTenants is told as such, and what never began is not told', async () => {
    const { prisma } = opened
    const { across } = await heardDuring(async () => {
      const failing = prisma.$acrossTenants({ reason: 'fails' }, () => Promise.reject(new Error('inside')))
      await expect(failing).rejects.toThrow('inside')
      await expect(prisma.$acrossTenants({ reason: ' ' }, () => {})).rejects.toThrow('reason')
    })
    expect(across.map((event) => [event.phase, event.phase === 'end' && event.outcome])).toEqual([
      ['begin', false],
      ['end', 'threw'],
    ])
  })

  test('no event holds SQL, a parameter or a row', async () => {
    const secret = `secret-${randomUUID()}`
    const heard = await heardDuring(async () => {
      const { prisma } = opened
      await withTenant(a.tenantId, async () => {
        await prisma.project.create({ data: { name: secret } })
        await prisma.$queryRaw`SELECT ${secret}, name FROM projects`
        await prisma.project.create({ data: { name: secret, tenantId: b.tenantId } }).catch(() => {})
        await prisma.$executeRawUnsafe(`SET application_name = '${secret}'`).catch(() => {})
      })
      await prisma.$acrossTenants({ reason: 'all' }, () => prisma.project.findMany({ where: { name: secret } }))
    })
    expect(heard.refusal).toHaveLength(2)
    expect(heard.binding.length).toBeGreaterThan(3)
    expect(JSON.stringify(heard)).not.toMatch(/secret-|SELECT|INSERT|"public"/)
  })

  test('a subscriber that throws is reported, and the query answers', async () => {
    const uncaught: unknown[] = []
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error))
    const fault = new Error('a subscriber')
    const ends = (['scope', 'binding', 'refusal', 'across'] as const).map((name) =>
      listen(name, () => {
        throw fault
      }),
    )
    try {
      const { prisma } = opened
      expect(await withTenant(a.tenantId, () => prisma.project.findMany())).not.toHaveLength(0)
      await expect(prisma.project.count()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
      expect(await prisma.$acrossTenants({ reason: 'thrown at' }, () => 'answered')).toBe('answered')
      await new Promise((resolve) => setImmediate(resolve))
    } finally {
      for (const end of ends) end()
      process.removeAllListeners('uncaughtException')
      for (const other of others) process.on('uncaughtException', other)
    }
    // Scope, binding and refusal; then the audit's two of each, the scope of acrossTenants, its begin and its end.
    expect(uncaught).toEqual(Array.from({ length: 10 }, () => fault))
  })
})

const A = randomUUID()

test.each([
  { answers: 'at once', authorize: (_: unknown, id: string) => id === A },
  { answers: 'later', authorize: async (_: unknown, id: string) => id === A },
])('a request that is refused $answers is told once, with what it was answered', async ({ authorize }) => {
  const app = express()
  app.use(tenantScope({ tenant: fromHeader('x-tenant'), authorize, refused: 404 }))
  app.get('/', (_request, response) => void response.json({ tenant: tryCurrentTenant() }))
  const server = await listening(app.listen(0, '127.0.0.1'))
  const ask = (headers: Record<string, string>) => fetch(server.url, { headers }).then(({ status }) => status)
  const statuses: number[] = []
  const { refusal, scope } = await heardDuring(async () => {
    for (const headers of [{ 'x-tenant': A }, { 'x-tenant': randomUUID() }, {}, { 'x-tenant': 'x'.repeat(300) }])
      statuses.push(await ask(headers as Record<string, string>))
  })
  await server.close()
  expect(statuses).toEqual([200, 404, 400, 404])
  expect(refusal).toEqual([
    { code: 'REQUEST.REFUSED', message: 'not found', status: 404 },
    { code: 'REQUEST.REFUSED', message: 'tenant required', status: 400 },
    { code: 'TENANT.INVALID_ID', message: expect.stringContaining('255 bytes') },
  ])
  expect(scope.filter(({ kind }) => kind === 'tenant')).toEqual([{ kind: 'tenant', tenant: A }])
})

test('a listener hears until it is ended, and others go on', async () => {
  const heard: string[] = []
  const end = listen('scope', () => heard.push('first'))
  const endSecond = listen('scope', () => heard.push('second'))
  await withTenant(A, () => {})
  end()
  await withTenant(A, () => {})
  endSecond()
  await withTenant(A, () => {})
  expect(heard).toEqual(['first', 'second', 'second'])
  expect(channel(channels.scope).hasSubscribers).toBe(false)
})
