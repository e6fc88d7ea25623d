// Proves that a live system is sealed, gets a new key and is unsealed again under a constant mixed load, without one
// statement that fails or one wrong row. Services come and go as in a rolling deployment: the old ones serve until the
// new ones do.
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import type { SealOptions } from '../../src/seal.js'
import { addSealKey, retireSealKey, sealKeys } from '../../src/seal-keys.js'
import { sealTenants, tenantPolicy, unsealTenants } from '../../src/sql/index.js'
import {
  createTestDatabase,
  rowsSeenBySuperuser,
  type SeededTenant,
  seedTenants,
  type TenantDatabase,
} from '../support/database.js'
import { type Mode, openMode } from '../support/modes.js'
import { scaled } from '../support/scale.js'

const TENANTS = 6
/** Prisma gives up waiting for a connection after two seconds, which a busy machine can take. */
const PATIENT = { maxWait: 60_000, timeout: 60_000 }
/** How long each state of the system lasts under load, in milliseconds. */
const LASTS = scaled(20_000)
const [first, second] = ['2026-01', '2026-02'].map((keyId) => ({ keyId, key: randomBytes(32) })) as [
  { keyId: string; key: Buffer },
  { keyId: string; key: Buffer },
]

let db: TenantDatabase
let tenants: readonly SeededTenant[]
beforeAll(async () => {
  db = await createTestDatabase()
  tenants = await seedTenants(
    db,
    Array.from({ length: TENANTS }, () => randomUUID()),
    { projects: 5, tasks: 2 },
  )
})
afterAll(() => db.drop())

test('plain, sealed, another key, and plain again: nothing fails and nobody sees a wrong row', async () => {
  const owner = new pg.Client({ connectionString: db.ownerUrl })
  await owner.connect()
  const load = new Load()
  const counts: number[] = []
  const goOn = async () => {
    const before = load.done
    await wait(LASTS)
    // At least a few of every kind of operation in each state, however slow the machine.
    while (load.done < before + 200) await wait(20)
    counts.push(load.done)
  }

  await load.deploy(undefined)
  await goOn()

  await owner.query(sealTenants())
  await addSealKey(owner, first)
  await load.deploy(first)
  await goOn()
  for (const table of ['projects', 'tasks']) {
    await changePolicy(owner, table, true)
    await goOn()
  }
  await expectSealed(owner, true)

  await addSealKey(owner, second)
  await goOn()
  await load.deploy(second)
  await goOn()
  await retireSealKey(owner, first.keyId)
  expect((await sealKeys(owner)).filter(({ retiredAt }) => retiredAt === null)).toHaveLength(1)
  await goOn()

  for (const table of ['projects', 'tasks']) {
    await changePolicy(owner, table, false)
    await goOn()
  }
  await load.deploy(undefined)
  await owner.query(unsealTenants())
  await goOn()
  await expectSealed(owner, false)

  await load.stop()
  await owner.end()
  expect(load.failures).toEqual([])
  expect(load.wrongRows).toEqual([])
  expect(counts).toHaveLength(10)
  expect(load.done).toBeGreaterThan(2000)
  // What the tenants created is theirs, and all of it is there.
  const rows = await rowsSeenBySuperuser<{ tenant_id: string; count: number }>(
    db,
    `SELECT tenant_id, count(*)::int FROM projects WHERE name LIKE 'load %' GROUP BY 1`,
  )
  expect(Object.fromEntries(rows.map(({ tenant_id, count }) => [tenant_id, count]))).toEqual(
    Object.fromEntries(load.created),
  )
}, 900_000)

/** One short transaction, as online DDL is: a load that never pauses must not wait behind a lock that waits. */
async function changePolicy(owner: pg.Client, table: string, sealed: boolean): Promise<void> {
  for (;;) {
    try {
      await owner.query(`BEGIN; SET LOCAL lock_timeout = '200ms'; ${tenantPolicy(table, { sealed })} COMMIT`)
      return
    } catch (error) {
      await owner.query('ROLLBACK')
      if ((error as pg.DatabaseError).code !== '55P03') throw error
      await wait(50)
    }
  }
}

async function expectSealed(owner: pg.Client, sealed: boolean): Promise<void> {
  const { rows } = await owner.query('SELECT pg_get_expr(polqual, polrelid) AS condition FROM pg_policy')
  expect(rows.map(({ condition }) => condition.includes('tenancy.tenant_id()'))).toEqual([sealed, sealed])
}

type Service = Awaited<ReturnType<typeof openMode>>

interface Running {
  stopped: boolean
  readonly callers: Promise<void>[]
  readonly services: readonly Service[]
}

/** Callers that never stop asking: reads, writes, transactions and raw SQL of all tenants, in both modes. */
class Load {
  readonly failures: string[] = []
  readonly wrongRows: unknown[] = []
  readonly created = new Map<string, number>()
  done = 0
  #running: Running | undefined

  /** Starts services with this seal, then lets those of before finish what they do. */
  async deploy(seal: SealOptions | undefined): Promise<void> {
    const before = this.#running
    const services = await Promise.all(
      (['pool', 'portable'] as Mode[]).map((mode) =>
        openMode(mode, db.appUrl, { max: 4, binding: { seal }, client: { transactionOptions: PATIENT } }),
      ),
    )
    const now: Running = { stopped: false, services, callers: [] }
    this.#running = now
    for (const service of services)
      for (let caller = 0; caller < 4; caller++) now.callers.push(this.#call(service, caller, () => now.stopped))
    await wait(LASTS / 2)
    await this.#end(before)
  }

  stop(): Promise<void> {
    return this.#end(this.#running)
  }

  async #end(running: Running | undefined): Promise<void> {
    if (!running) return
    running.stopped = true
    await Promise.all(running.callers)
    for (const { close } of running.services) await close()
  }

  async #call({ prisma, mode }: Service, caller: number, stopped: () => boolean): Promise<void> {
    for (let n = caller; !stopped(); n++) {
      const tenant = tenants[n % TENANTS] as SeededTenant
      const kind = n % 7
      try {
        const rows = await (kind === 6
          ? withoutTenant(() => prisma.project.findMany())
          : withTenant(tenant.tenantId, () => this.#operation(prisma, tenant, kind)))
        const wrong = kind === 6 ? rows : rows.filter((row) => row.tenantId !== tenant.tenantId)
        if (wrong.length > 0 || (kind < 6 && rows.length === 0)) this.wrongRows.push({ mode, kind, wrong })
      } catch (error) {
        this.failures.push(`${mode} ${kind} ${(error as Error).message}`)
      }
      this.done += 1
    }
  }

  #operation(
    prisma: Service['prisma'],
    { tenantId, projectIds }: SeededTenant,
    kind: number,
  ): Promise<{ tenantId: string }[]> {
    const id = projectIds[0] as string
    switch (kind) {
      case 0:
        return prisma.project
          .findMany({ include: { tasks: true }, take: 10 })
          .then((rows) => [...rows, ...rows.flatMap((row) => row.tasks)])
      case 1:
        return prisma.project.create({ data: { name: `load ${randomUUID()}` } }).then((row) => {
          this.created.set(tenantId, (this.created.get(tenantId) ?? 0) + 1)
          return [row]
        })
      case 2:
        return prisma.project.updateManyAndReturn({ where: { id }, data: { budget: { increment: 1 } } })
      case 3:
        // One table after the other, in the order in which everybody takes them.
        return prisma.$transaction(async (tx) => [
          await tx.project.findUniqueOrThrow({ where: { id } }),
          ...(await tx.task.findMany()),
        ])
      case 4:
        return prisma.$queryRaw<{ tenantId: string }[]>`SELECT tenant_id::text AS "tenantId" FROM tasks`
      default:
        return Promise.all([prisma.project.findUniqueOrThrow({ where: { id } }), prisma.task.findFirstOrThrow()])
    }
  }
}
