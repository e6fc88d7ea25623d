// Two tenants who do the same thing at the same time, on one client, and in whose scope each finds itself.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { isTenancyError } from '../../src/errors.js'
import { newWorld } from '../isolation/world.js'
import { createTestDatabase, rowsSeenBySuperuser, type SeededTenant, type TenantDatabase } from '../support/database.js'
import { leftOnIdleConnections, type Mode, modes, openMode, type TenantPrisma } from '../support/modes.js'

/** Whose rows came. `nothing` would also be the answer where there are none, so no claim rests on it alone. */
export type Seen = 'own' | 'other' | 'both' | 'nothing' | 'NoTenantError'

export interface Side {
  readonly tenantId: string
  /** A row of this side. */
  readonly projectId: string
  /** Runs `fn` in this side's scope. */
  run<T>(fn: () => T | PromiseLike<T>): Promise<T>
  /** Whose rows a query gets that is made here and now, in whatever scope this is. */
  sees(): Promise<Seen>
  /** Whose rows these are. */
  owns(rows: readonly ({ readonly tenantId: string } | null)[]): Seen
}

export interface Scene {
  readonly mode: Mode
  readonly db: TenantDatabase
  readonly prisma: TenantPrisma
  readonly pool: Awaited<ReturnType<typeof openMode>>['pool']
  readonly sides: readonly [Side, Side]
}

const ROUNDS = 15

/** Declares the claims once for each mode, on a database of its own. */
export function inEachMode(claims: (scene: Scene) => void, only: readonly Mode[] = modes): void {
  describe.each(only)('in %s mode', (mode) => {
    const scene = {} as { -readonly [Name in keyof Scene]: Scene[Name] }
    let close: (() => Promise<void>) | undefined
    beforeAll(async () => {
      const db = await createTestDatabase()
      const opened = await openMode(mode, db.appUrl)
      close = async () => {
        await opened.close()
        await db.drop()
      }
      const { a, b } = await newWorld(db, opened.prisma)
      const sides = [side(opened.prisma, a, b), side(opened.prisma, b, a)] as const
      Object.assign(scene, { mode, db, prisma: opened.prisma, pool: opened.pool, sides })
    })
    afterEach(async () => {
      expect((await leftOnIdleConnections(scene.pool)).join('')).toBe('')
    })
    afterAll(() => close?.())

    test('both tenants have rows, and each sees its own', async () => {
      const counts = await rowsSeenBySuperuser(
        scene.db,
        'SELECT tenant_id::text, count(*)::int FROM projects GROUP BY tenant_id',
      )
      expect(new Set(counts)).toEqual(new Set(scene.sides.map(({ tenantId }) => ({ tenant_id: tenantId, count: 3 }))))
      expect(await atOnce(scene, (own) => own.run(() => own.sees()))).toEqual(['own'])
      expect(await atOnce(scene, (own) => own.sees())).toEqual(['NoTenantError'])
    })

    claims(scene)
  })
}

/** What happened to either side, each thing once: both play together, round after round. */
export async function atOnce<T>(
  { sides: [a, b] }: Scene,
  play: (own: Side, other: Side) => Promise<T>,
  rounds: number = ROUNDS,
): Promise<T[]> {
  const happened = new Map<string, T>()
  for (let round = 0; round < rounds; round++) {
    const pair = round % 2 === 0 ? [play(a, b), play(b, a)] : [play(b, a), play(a, b)]
    for (const one of await Promise.all(pair)) happened.set(JSON.stringify(one), one)
  }
  return [...happened.values()]
}

/** What a callback that is called later saw. */
export interface Later {
  /** To be called in the callback: looks in whatever scope that is. */
  look(side: Side): void
  readonly seen: Promise<Seen>
}

export function later(): Later {
  let look: Later['look'] = () => {}
  const seen = new Promise<Seen>((resolve, reject) => {
    look = (side) => void side.sees().then(resolve, reject)
  })
  return { look, seen }
}

function side(prisma: TenantPrisma, tenant: SeededTenant, other: SeededTenant): Side {
  const [projectId] = tenant.projectIds as [string]
  const [otherId] = other.projectIds as [string]
  const owns: Side['owns'] = (rows) => {
    const owners = new Set(rows.flatMap((row) => (row === null ? [] : [row.tenantId])))
    for (const owner of owners) expect([tenant.tenantId, other.tenantId]).toContain(owner)
    if (owners.size === 2) return 'both'
    if (owners.size === 0) return 'nothing'
    return owners.has(tenant.tenantId) ? 'own' : 'other'
  }
  const sees = async (): Promise<Seen> => {
    try {
      // The two by id go through Prisma's loader, which is where tenants would be merged.
      const [many, mine, theirs] = await Promise.all([
        prisma.project.findMany(),
        prisma.project.findUnique({ where: { id: projectId } }),
        prisma.project.findUnique({ where: { id: otherId } }),
      ])
      return owns([...many, mine, theirs])
    } catch (error) {
      if (isTenancyError(error) && error.code === 'TENANT.REQUIRED') return 'NoTenantError'
      throw error
    }
  }
  return { tenantId: tenant.tenantId, projectId, run: (fn) => withTenant(tenant.tenantId, fn), sees, owns }
}
