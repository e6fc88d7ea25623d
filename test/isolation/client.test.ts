// Proves what the rest of a client does under the extension: the base client and other extensions, logging, omit,
// connecting and disconnecting.
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Prisma, PrismaClient } from '../../generated/test/client.js'
import { currentTenant, withTenant } from '../../src/context.js'
import { tenancy } from '../../src/extension.js'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { createTestDatabase, type TenantDatabase } from '../support/database.js'
import { type Mode, modes } from '../support/modes.js'
import { NAMES_STATEMENTS } from '../support/prisma-version.js'
import { newWorld, openMode } from './world.js'

let db: TenantDatabase
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

/** A base client, and the extension that fits it. */
function baseOf(mode: Mode, options: { log?: Prisma.LogDefinition[] } = {}) {
  const pool =
    mode === 'pool'
      ? new TenantPool({ connectionString: db.appUrl, max: 3 })
      : new pg.Pool({ connectionString: db.appUrl, max: 3 })
  const base = new PrismaClient({ adapter: new PrismaPg(pool), ...options })
  const extension = pool instanceof TenantPool ? tenancy({ pool }) : tenancy()
  const close = async () => {
    await base.$disconnect()
    await pool.end()
  }
  return { base, extension, close }
}

describe.each(modes)('in %s mode', (mode) => {
  test('the base client and clients extended from it earlier are tenant-scoped from then on', async () => {
    const { base, extension, close } = baseOf(mode)
    const earlier = base.$extends({ name: 'earlier' })
    const { prisma } = { prisma: base.$extends(extension) }
    const { a, b, asA, asB } = await newWorld(db, prisma)
    for (const client of [base, earlier, base.$extends({ name: 'later' })]) {
      await expect(client.project.findMany().then()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
      const of = (run: typeof asA) => run(() => client.project.findUnique({ where: { id: a.projectIds[0] as string } }))
      const [ofA, ofB] = await Promise.all([of(asA), of(asB)])
      expect([ofA?.tenantId, ofB]).toEqual([a.tenantId, null])
      expect(await asB(() => client.$transaction([client.project.count(), client.project.findMany()]))).toEqual([
        b.projectIds.length,
        expect.arrayContaining([expect.objectContaining({ tenantId: b.tenantId })]),
      ])
    }
    await close()
  })

  test('a base client that was connected and used before is tenant-scoped from then on', async () => {
    const { base, extension, close } = baseOf(mode)
    await base.$connect()
    const prisma = base.$extends(extension)
    const { a, asA } = await newWorld(db, prisma)
    expect(new Set((await asA(() => prisma.project.findMany())).map((row) => row.tenantId))).toEqual(
      new Set([a.tenantId]),
    )
    await expect(base.project.findMany().then()).rejects.toMatchObject({ code: 'TENANT.REQUIRED' })
    await close()
  })

  test('query, model, client and result extensions before and after see the scope and stay in it', async () => {
    const { base, extension, close } = baseOf(mode)
    const seen: string[] = []
    const watching = (name: string) =>
      Prisma.defineExtension({
        name,
        query: {
          $allOperations({ operation, args, query }) {
            seen.push(`${name} ${operation} ${currentTenant()}`)
            return query(args)
          },
        },
      })
    const prisma = base
      .$extends(watching('before'))
      .$extends(extension)
      .$extends(watching('after'))
      .$extends({
        model: {
          project: {
            async names() {
              return (
                await Prisma.getExtensionContext(this).findMany({ select: { name: true }, orderBy: { name: 'asc' } })
              ).map((row) => row.name)
            },
          },
        },
        client: {
          async $projectCount(): Promise<number> {
            return (Prisma.getExtensionContext(this) as unknown as PrismaClient).project.count()
          },
        },
        result: { project: { label: { needs: { name: true }, compute: (row) => `Label: ${row.name}` } } },
      })
    const { a, b } = await newWorld(db, prisma as never)
    await Promise.all(
      [a, b].map(({ tenantId, projectIds }) =>
        withTenant(tenantId, async () => {
          const rows = await prisma.project.findMany()
          expect(rows.map((row) => row.tenantId)).toEqual(projectIds.map(() => tenantId))
          expect(rows[0]?.label).toMatch(/^Label: .*Project/)
          expect(await prisma.project.names()).toHaveLength(3)
          expect(await prisma.$projectCount()).toBe(3)
          expect(await prisma.$forTenant(tenantId).project.names()).toHaveLength(3)
          await prisma.$transaction(async (tx) => {
            expect(await tx.project.count()).toBe(3)
            expect(await tx.$queryRaw`SELECT 1 AS one`).toEqual([{ one: 1 }])
          })
          expect(await prisma.$transaction([prisma.project.count(), prisma.task.count()])).toEqual([3, 6])
        }),
      ),
    )
    expect(seen).toContain(`before findMany ${a.tenantId}`)
    expect(seen).toContain(`after findMany ${b.tenantId}`)
    expect(seen).toContain(`after $queryRaw ${a.tenantId}`)
    await close()
  })

  test("an extension's query that changes the scope runs in the scope it chose, whole", async () => {
    const { base, extension, close } = baseOf(mode)
    const { a, b } = await newWorld(db, base as never)
    const prisma = base.$extends(extension).$extends({
      query: { project: { findFirst: ({ args, query }) => withTenant(b.tenantId, () => query(args)) } },
    })
    expect((await withTenant(a.tenantId, () => prisma.project.findFirst()))?.tenantId).toBe(b.tenantId)
    await close()
  })

  test('query logging reports the statements as Prisma wrote them, and other log levels still work', async () => {
    const { base, extension, close } = baseOf(mode, {
      log: [
        { emit: 'event', level: 'query' },
        { emit: 'event', level: 'error' },
      ],
    })
    const queries: string[] = []
    const errors: string[] = []
    ;(base as unknown as PrismaClient<'query' | 'error'>).$on('query', (event) => queries.push(event.query))
    ;(base as unknown as PrismaClient<'query' | 'error'>).$on('error', (event) => errors.push(event.message))
    const prisma = base.$extends(extension)
    const { asA } = await newWorld(db, prisma)
    await asA(() => prisma.project.findMany())
    await asA(() => prisma.project.findUniqueOrThrow({ where: { id: crypto.randomUUID() } })).catch(() => {})
    expect(queries.filter((query) => query.startsWith('SELECT') && query.includes('"public"."projects"'))).toHaveLength(
      2,
    )
    expect(errors).toHaveLength(1)
    await close()
  })

  test('omit of the client and of a query leave the fields out', async () => {
    const opened = await openMode(mode, db.appUrl, { client: { omit: { project: { budget: true } } } as never })
    const { asA } = await newWorld(db, opened.prisma)
    const row = await asA(() => opened.prisma.project.findFirstOrThrow({ omit: { name: true } }))
    expect(Object.keys(row).sort()).toEqual(['archived', 'createdAt', 'id', 'tenantId'])
    await opened.close()
  })

  test('$connect and $disconnect need no scope, and a client that was disconnected connects again', async () => {
    const opened = await openMode(mode, db.appUrl)
    const { prisma } = opened
    const { a, asA } = await newWorld(db, prisma)
    await prisma.$connect()
    expect(await asA(() => prisma.project.count())).toBe(3)
    await prisma.$disconnect()
    expect((await asA(() => prisma.project.findFirst()))?.tenantId).toBe(a.tenantId)
    await opened.close()
  })

  const prepared = 'prepared statements by name are bound each time (the adapter names them since Prisma 7.6)'
  test.skipIf(!NAMES_STATEMENTS)(prepared, async () => {
    const opened = await openMode(mode, db.appUrl, { prepared: true, max: 1 })
    const { a, b, asA, asB } = await newWorld(db, opened.prisma)
    for (let i = 0; i < 5; i += 1) {
      for (const [run, tenant] of [
        [asA, a],
        [asB, b],
      ] as const) {
        const rows = await run(() => opened.prisma.project.findMany({ include: { tasks: true } }))
        expect(rows.map((row) => row.id).sort()).toEqual([...tenant.projectIds].sort())
        expect(rows.flatMap((row) => row.tasks)).toHaveLength(6)
      }
    }
    await opened.close()
  })

  test('the scope reaches the database in the extra settings too, and only in the scope that gave them', async () => {
    const opened = await openMode(mode, db.appUrl, { max: 1, binding: { settings: ['app.user_id', 'app.Locale'] } })
    const { prisma } = opened
    const { a, b } = await newWorld(db, prisma)
    const show = () =>
      prisma.$queryRaw<
        { user: string; locale: string }[]
      >`SELECT current_setting('app.user_id', true) AS "user", current_setting('app.locale', true) AS locale`
    expect(
      await withTenant({ id: a.tenantId, settings: { 'app.user_id': "o'neil\\", 'app.locale': 'de' } }, show),
    ).toEqual([{ user: "o'neil\\", locale: 'de' }])
    expect(await withTenant(b.tenantId, show)).toEqual([{ user: '', locale: '' }])
    const nested = withTenant({ id: a.tenantId, settings: { 'app.user_id': '1' } }, () => withTenant(b.tenantId, show))
    expect(await nested).toEqual([{ user: '', locale: '' }])
    const [one, two] = await Promise.all(
      ['1', '2'].map((user) =>
        withTenant({ id: a.tenantId, settings: { 'app.user_id': user } }, () =>
          prisma.$transaction(async (tx) => [
            await tx.project.findUnique({ where: { id: a.projectIds[0] as string } }),
            await tx.$queryRaw`SELECT current_setting('app.user_id') AS id`,
          ]),
        ),
      ),
    )
    expect([one?.[1], two?.[1]]).toEqual([[{ id: '1' }], [{ id: '2' }]])
    await opened.close()
  })
})
