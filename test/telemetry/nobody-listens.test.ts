// Proves that events cost nothing where nobody listens: no message is made, counted; all that is left is one look at each
// channel; and nothing of the telemetry entry is loaded by the main one.
import { randomUUID } from 'node:crypto'
import { type Channel, channel } from 'node:diagnostics_channel'
import { cruise } from 'dependency-cruiser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withoutTenant, withTenant } from '../../src/context.js'
import { channels, listen } from '../../src/telemetry/index.js'
import { createAuditedDatabase, openAcross } from '../across/open-across.js'
import { type SeededTenant, seedTenants, type TenantDatabase } from '../support/database.js'
import { modes } from '../support/modes.js'

interface Counts {
  /** How often a channel was asked whether anybody listens. */
  asked: number
  /** How often a message was made for it: messages are made as what `publish` is given. */
  published: number
}

/** Counts on the real channels, which stay what they are. */
async function counted(run: () => unknown): Promise<Record<keyof typeof channels, Counts>> {
  const counts = {} as Record<keyof typeof channels, Counts>
  const real = Object.entries(channels).map(([name, full]) => {
    const seen = { asked: 0, published: 0 }
    counts[name as keyof typeof channels] = seen
    const of = channel(full)
    const prototype = (): Channel => Object.getPrototypeOf(of)
    Object.defineProperty(of, 'hasSubscribers', {
      configurable: true,
      get: () => {
        seen.asked++
        return Reflect.get(prototype(), 'hasSubscribers', of)
      },
    })
    Object.defineProperty(of, 'publish', {
      configurable: true,
      value: (message: unknown) => {
        seen.published++
        prototype().publish.call(of, message)
      },
    })
    return of as { hasSubscribers?: unknown; publish?: unknown }
  })
  try {
    await run()
  } finally {
    for (const of of real) {
      delete of.hasSubscribers
      delete of.publish
    }
  }
  return counts
}

let db: TenantDatabase
let a: SeededTenant
beforeAll(async () => {
  db = await createAuditedDatabase()
  ;[a] = await seedTenants(db, [randomUUID()])
})
afterAll(() => db?.drop())

describe.each(modes)('in %s mode', (mode) => {
  let opened: ReturnType<typeof openAcross>
  beforeAll(async () => {
    opened = openAcross(mode, db)
    // The first query connects.
    await withTenant(a.tenantId, () => opened.prisma.project.count())
  })
  afterAll(() => opened?.close())

  /** Something for every channel. */
  const everything = async () => {
    const { prisma } = opened
    await withTenant(a.tenantId, async () => {
      await Promise.all(a.projectIds.map((id) => prisma.project.findUnique({ where: { id } })))
      await prisma.$transaction(async (tx) => tx.task.count())
    })
    await withoutTenant(() => prisma.plan.count())
    await prisma.project.count().catch(() => {})
    await prisma.$acrossTenants({ reason: 'counting' }, () => prisma.project.count())
  }

  test('no message is made for any channel, and each is asked', async () => {
    const counts = await counted(everything)
    for (const name of Object.keys(channels) as (keyof typeof channels)[]) {
      expect(counts[name].asked, name).toBeGreaterThan(0)
      expect(counts[name].published, name).toBe(0)
    }
  })

  test('one that somebody listens to gets messages, and still no other', async () => {
    for (const name of Object.keys(channels) as (keyof typeof channels)[]) {
      const end = listen(name, () => {})
      const counts = await counted(everything)
      end()
      const published = Object.entries(counts).filter(([, { published }]) => published > 0)
      expect(published.map(([channel]) => channel)).toEqual([name])
    }
  })

  test('a query asks for its binding once', async () => {
    const { binding } = await counted(() => withTenant(a.tenantId, () => opened.prisma.project.findFirst()))
    expect(binding).toEqual({ asked: 1, published: 0 })
  })
})

test('a scope asks once', async () => {
  const { scope } = await counted(() => withTenant(randomUUID(), () => {}))
  expect(scope).toEqual({ asked: 1, published: 0 })
})

// For the other entries `npm run check` says so: telemetry-is-asked-for.
test('the main entry loads nothing of the telemetry entry, and that one loads no package', async () => {
  const { output } = await cruise(['src/index.ts', 'src/telemetry/index.ts'], { doNotFollow: { path: 'node_modules' } })
  if (typeof output === 'string') throw new Error('The cruise answers with an object.')
  const loads = output.modules.flatMap(({ source, dependencies }) =>
    dependencies.map(({ resolved }) => ({ source, resolved })),
  )
  const isTelemetry = (path: string) => path.startsWith('src/telemetry/')
  expect(loads.filter(({ source, resolved }) => isTelemetry(source) && isTelemetry(resolved)).length).toBeGreaterThan(4)
  expect(loads.filter(({ source, resolved }) => !isTelemetry(source) && isTelemetry(resolved))).toEqual([])
  const packages = loads.filter(({ source, resolved }) => isTelemetry(source) && resolved.includes('node_modules'))
  expect(packages).toEqual([])
})
