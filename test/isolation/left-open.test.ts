// Proves that left-open.ts is no longer than it must be: each item does harm, in exactly the modes that it names, on a
// pool of one connection; and that what is not on the list in pool mode, does none there.
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withTenant } from '../../src/context.js'
import { type Mode, modes, openMode } from '../support/modes.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { NAMES_STATEMENTS } from '../support/prisma-version.js'
import { type HostileWorld, newHostileWorld } from './hostile-world.js'
import { LEFT_OPEN, type LeftOpen } from './left-open.js'

const { major } = await startPostgres()

let world: HostileWorld
beforeAll(async () => {
  world = await newHostileWorld()
  await runSql(
    world.db.adminUrl,
    `CREATE FUNCTION ask(sql text) RETURNS text LANGUAGE plpgsql AS
       $$ DECLARE answer text; BEGIN EXECUTE sql INTO answer; RETURN answer; END $$;
     CREATE VIEW activity AS SELECT pid, query FROM pg_stat_activity;
     GRANT SELECT ON activity TO app_user;
     ANALYZE projects`,
  )
})
afterAll(() => world.drop())

describe.each(modes)('in %s mode', (mode) => {
  let opened: Awaited<ReturnType<typeof openMode>> | undefined
  let bystander: Awaited<ReturnType<typeof openMode>>
  beforeEach(async () => {
    await runSql(world.db.adminUrl, 'SELECT lo_unlink(oid) FROM pg_largeobject_metadata')
    // Another connection of the same service, idle after a query of A's.
    bystander = await openMode(mode, world.db.appUrl, { max: 1 })
    bystander.pool.on('error', () => {})
  })
  afterEach(async () => {
    await opened?.close()
    await bystander.close()
  })

  test.each(LEFT_OPEN.filter((item) => isOpen(item, mode)))('open: $what', async (item) => {
    expect(await answerTo(item)).toMatch(harmOf(item))
  })

  test.each(LEFT_OPEN.filter((item) => !isOpen(item, mode)))('closed: $what', async (item) => {
    expect(await answerTo(item)).not.toMatch(harmOf(item))
  })

  async function answerTo(item: LeftOpen): Promise<string> {
    const { attack, probe, probedBy, inTransaction, meanwhile, prepared = false } = item
    opened = await openMode(mode, world.db.appUrl, {
      max: 1,
      prepared: prepared && mode === 'portable' && NAMES_STATEMENTS,
    })
    const { prisma } = opened
    const statements = attack.map(fill)
    const asA = <T>(fn: () => Promise<T>) => withTenant(world.a.tenantId, fn)
    await asA(() => bystander.prisma.project.count())
    if (meanwhile) {
      void asA(() => bystander.prisma.$queryRawUnsafe(meanwhile)).catch(() => {})
      await wait(200)
    }
    if (inTransaction) {
      return asA(() =>
        prisma.$transaction(async (tx) => {
          for (const sql of statements) await tx.$queryRawUnsafe(sql)
          return valueIn(tx.$queryRawUnsafe(fill(probe)))
        }),
      )
    }
    for (const sql of statements) await asA(() => prisma.$queryRawUnsafe(sql)).catch(() => {})
    return withTenant(world[probedBy].tenantId, () => valueIn(prisma.$queryRawUnsafe(fill(probe))))
  }
})

function isOpen({ modes, prepared, reportedFrom = Infinity }: LeftOpen, mode: Mode): boolean {
  if (mode === 'pool' && major >= reportedFrom) return false
  return modes.includes(mode) && (!prepared || mode === 'pool' || NAMES_STATEMENTS)
}

function harmOf({ harm }: LeftOpen): RegExp {
  return new RegExp(fill(harm.source), harm.flags)
}

function fill(text: string): string {
  return text.replaceAll('{A}', world.a.tenantId).replaceAll('{B}', world.b.tenantId)
}

async function valueIn(rows: PromiseLike<unknown>): Promise<string> {
  try {
    return String(((await rows) as { value: unknown }[])[0]?.value)
  } catch (error) {
    return (error as Error).message
  }
}
