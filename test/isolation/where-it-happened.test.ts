// Proves that an error which comes out of a Prisma call names the call, leads to its caller, says what to type in its
// message, and is an object of this caller's own whose event is published once.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TenancyError, withTenant } from '../../src/index.js'
import { sharedTable } from '../../src/sql/index.js'
import { createTestDatabase, type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes, openMode, type TenantPrisma } from '../support/modes.js'
import { runSql } from '../support/postgres.js'
import { ROLES } from '../support/template.js'
import { heardDuring } from '../telemetry/heard.js'

let db: TenantDatabase
let a: SeededTenant
let b: SeededTenant
beforeAll(async () => {
  db = await createTestDatabase()
  await runSql(db.adminUrl, sharedTable('plans', { app: ROLES.app }))
  ;[a, b] = await seedTenants(db, [randomUUID(), randomUUID()] as const)
})
afterAll(() => db.drop())

async function caught(call: () => unknown): Promise<TenancyError> {
  try {
    await call()
  } catch (error) {
    return error as TenancyError
  }
  throw new Error('It was not refused.')
}

const asA = <T>(fn: () => T | PromiseLike<T>): Promise<T> => withTenant(a.tenantId, fn)
const asB = <T>(fn: () => T | PromiseLike<T>): Promise<T> => withTenant(b.tenantId, fn)
/** A row of nobody, for the policy to refuse. */
const strange = (): string =>
  `INSERT INTO projects (id, tenant_id, name) VALUES ('${randomUUID()}', '${randomUUID()}', 'x')`

/** Each kind of call, refused at another place: before anything is sent, by the gate, by the database. */
const calls: Record<string, [code: string, call: (prisma: TenantPrisma) => Promise<unknown>]> = {
  'project.findMany()': [
    'TENANT.REQUIRED',
    async function theCaller(prisma) {
      await prisma.project.findMany()
    },
  ],
  'project.findUnique()': [
    'TENANT.REQUIRED',
    async function theCaller(prisma) {
      await prisma.project.findUnique({ where: { id: randomUUID() } })
    },
  ],
  $queryRaw: [
    'TENANT.REQUIRED',
    async function theCaller(prisma) {
      await prisma.$queryRaw`SELECT 1`
    },
  ],
  '$transaction()': [
    'TENANT.REQUIRED',
    async function theCaller(prisma) {
      await prisma.$transaction(async () => {})
    },
  ],
  'project.count() in $transaction([…])': [
    'TENANT.REQUIRED',
    async function theCaller(prisma) {
      await prisma.$transaction([prisma.project.count()])
    },
  ],
  '$queryRaw in $transaction([…])': [
    'TENANT.REQUIRED',
    async function theCaller(prisma) {
      await prisma.$transaction([prisma.$queryRaw`SELECT 1`, prisma.$queryRaw`SELECT 2`])
    },
  ],
  'plan.delete() in $transaction([…])': [
    'ROLE.LACKS_PRIVILEGE',
    async function theCaller(prisma) {
      await asA(async () => {
        await prisma.$transaction([prisma.plan.count(), prisma.plan.delete({ where: { id: 1 } }), prisma.plan.count()])
      })
    },
  ],
  'project.create()': [
    'TENANT.MISMATCH',
    async function theCaller(prisma) {
      await asA(async () => {
        await prisma.project.create({ data: { name: 'x', tenantId: b.tenantId } })
      })
    },
  ],
  'plan.create()': [
    'ROLE.LACKS_PRIVILEGE',
    async function theCaller(prisma) {
      await asA(async () => {
        await prisma.plan.create({ data: { id: 99, name: 'x' } })
      })
    },
  ],
  '$executeRawUnsafe()': [
    'POLICY.VIOLATION',
    async function theCaller(prisma) {
      await asA(async () => {
        await prisma.$executeRawUnsafe(strange())
      })
    },
  ],
  'tx.$executeRawUnsafe()': [
    'QUERY.UNSUPPORTED',
    async function theCaller(prisma) {
      await asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.$executeRawUnsafe('SET x = 1')
        }),
      )
    },
  ],
  'tx.task.update()': [
    'TENANT.MISMATCH',
    async function theCaller(prisma) {
      await asA(() =>
        prisma.$transaction(async (tx) => {
          await tx.task.update({ where: { id: a.taskIds[0] as string }, data: { tenantId: b.tenantId } })
        }),
      )
    },
  ],
  'tx.task.findMany()': [
    'TENANT.MISMATCH',
    async function theCaller(prisma) {
      await asA(() =>
        prisma.$transaction(async (tx) => {
          await asB(() => tx.task.findMany())
        }),
      )
    },
  ],
}

describe.each(modes)('in %s mode', (mode) => {
  describe.each(['colorless', 'minimal', 'pretty'] as const)('with errorFormat %s', (errorFormat) => {
    let client: Awaited<ReturnType<typeof openMode>>
    beforeAll(async () => {
      client = await openMode(mode, db.appUrl, { client: { errorFormat } })
    })
    afterAll(() => client.close())

    test.each(Object.entries(calls))('%s is named, and its caller is on the stack', async (name, [code, call]) => {
      const error = await caught(() => call(client.prisma))
      expect(error).toMatchObject({ code, meta: { call: name } })
      expect(error.message.startsWith(name)).toBe(true)
      expect(error.message).toContain(`\n  hint: ${error.hint}`)
      expect(error.stack?.startsWith(`${error.name}: ${error.message}\n    at `)).toBe(true)
      const frames = error.stack?.slice(error.message.length) ?? ''
      expect(frames).toContain('where-it-happened.test.ts')
      // Prisma takes no stack in minimal: who awaits the call is on it all the same.
      expect(frames.split('\n')[1]).not.toContain('@prisma')
    })
  })

  test('ten callers whom one answer refuses get an error each, with an event each', async () => {
    // A login that row-level security does not bind: found out once, for all that wait.
    const client = await openMode(mode, db.bypassUrl, { max: 1 })
    try {
      const errors: TenancyError[] = []
      const find = (id: string) => asA(() => caught(() => client.prisma.project.findUnique({ where: { id } })))
      const { refusal } = await heardDuring(async () => {
        errors.push(...(await Promise.all(Array.from({ length: 10 }, () => find(randomUUID())))))
      })
      expect(errors.map(({ code }) => code)).toEqual(Array(10).fill('ROLE.BYPASSES_RLS'))
      expect(errors[0]).toMatchObject({ meta: { call: 'project.findUnique()', role: expect.any(String) } })
      expect(new Set(errors).size).toBe(10)
      Object.assign(errors[0] as object, { of: 'the first caller' })
      Object.assign((errors[0] as TenancyError).meta, { of: 'the first caller' })
      expect(errors[1]).not.toHaveProperty('of')
      expect(errors[1]?.meta).not.toHaveProperty('of')
      expect(refusal).toHaveLength(10)
    } finally {
      await client.close()
    }
  })

  test('one caller is one event, and what a callback of $transaction throws comes out as it is', async () => {
    const client = await openMode(mode, db.appUrl)
    try {
      let inside: unknown
      const { refusal } = await heardDuring(async () => {
        const outside = await caught(() =>
          asA(() =>
            client.prisma.$transaction(async (tx) => {
              inside = await caught(() => tx.$executeRawUnsafe('SET x = 1'))
              throw inside
            }),
          ),
        )
        expect(outside).toBe(inside)
      })
      expect(refusal).toHaveLength(1)
    } finally {
      await client.close()
    }
  })

  test('a Prisma without call sites and names is refused as rightly, with less to say', async () => {
    const client = await openMode(mode, db.appUrl)
    try {
      const handler = (client.base as unknown as { _requestHandler: { handleRequestError(given: object): never } })
        ._requestHandler
      const original = await caught(() => client.prisma.project.count())
      const { handleRequestError } = handler
      handler.handleRequestError = ({ error }: { error?: unknown }) => handleRequestError.call(handler, { error })
      const error = await caught(() => client.prisma.project.count())
      expect(error).toMatchObject({ code: 'TENANT.REQUIRED', name: original.name, hint: original.hint })
      expect(error.message).toContain('A query needs a tenant')
    } finally {
      await client.close()
    }
  })
})

test('what a statement of TenantPool fails with leads to its caller, as with a pg.Pool', async () => {
  const { pool, close } = await openMode('pool', db.appUrl)
  try {
    const errors = await Promise.all(
      ['SELECT nothing', strange()].map((sql) =>
        caught(async function theCaller() {
          await asA(async () => await pool.query(sql))
        }),
      ),
    )
    expect(errors.map(({ code }) => code)).toEqual(['42703', 'POLICY.VIOLATION'])
    for (const { stack } of errors) expect(stack).toContain('where-it-happened.test.ts')
  } finally {
    await close()
  }
})
