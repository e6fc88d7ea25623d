// Proves that a run over all tenants is many scopes and not one: each call has its own tenant, the list is read with none,
// and one tenant that fails takes nobody with it.
import { setTimeout as sleep } from 'node:timers/promises'
import { currentTenant, tryCurrentTenant, withTenant } from 'prisma-extension-tenancy'
import { forEachTenant } from 'prisma-extension-tenancy/jobs'
import { beforeEach, expect, test } from 'vitest'
import { currentScope } from '../../src/context.js'
import { idsAre } from '../support/ids-are.js'

beforeEach(() => idsAre('text'))

const ids = Array.from({ length: 50 }, (_, index) => `tenant-${index}`)

test('every tenant has its own scope, however many run at once', async () => {
  for (const concurrency of [1, 3, 50, 1000]) {
    const seen: string[] = []
    let running = 0
    let most = 0
    const summary = await forEachTenant(
      ids,
      async (tenant) => {
        most = Math.max(most, ++running)
        await sleep(Math.random() * 3)
        expect(currentTenant()).toBe(tenant)
        seen.push(currentTenant())
        running -= 1
      },
      { concurrency },
    )
    expect(seen.sort()).toEqual([...ids].sort())
    expect(summary).toEqual({ succeeded: 50, failed: [], aborted: false })
    expect(most).toBe(Math.min(concurrency, 50))
  }
})

test('four run at once unless told otherwise', async () => {
  let running = 0
  let most = 0
  await forEachTenant(ids, async () => {
    most = Math.max(most, ++running)
    await sleep(1)
    running -= 1
  })
  expect(most).toBe(4)
})

test('the list is found and read outside every tenant, also when it is asked for inside one', async () => {
  const scopes: (string | undefined)[] = []
  async function* rows() {
    for (const id of ids.slice(0, 6)) {
      scopes.push(tryCurrentTenant())
      await sleep(1)
      scopes.push(tryCurrentTenant())
      yield { id, settings: { 'app.user_id': id } }
    }
  }
  const seen: unknown[] = []
  await withTenant('outer', async () => {
    const source = () => {
      scopes.push(tryCurrentTenant())
      return Promise.resolve(rows())
    }
    await forEachTenant(source, async ({ id }) => {
      await sleep(2)
      seen.push([id, currentScope()?.tenant, currentScope()?.settings['app.user_id']])
    })
    expect(currentTenant()).toBe('outer')
  })
  expect(scopes).toEqual(Array(13).fill(undefined))
  expect(seen).toHaveLength(6)
  for (const [id, tenant, user] of seen as string[][]) expect([tenant, user]).toEqual([id, id])
})

test('one that fails does not stop the others, nor one whose id is none', async () => {
  const progress: { tenant: unknown; error: unknown; succeeded: number; failed: number }[] = []
  const { succeeded, failed, aborted } = await forEachTenant(
    ['a', '', 'b', 'c'],
    (tenant) => {
      if (tenant === 'b') throw new Error('b is broken')
    },
    { concurrency: 1, onProgress: (step) => progress.push(step) },
  )
  expect([succeeded, aborted]).toEqual([2, false])
  expect(failed).toMatchObject([
    { tenant: '', error: { code: 'TENANT.INVALID_ID' } },
    { tenant: 'b', error: { message: 'b is broken' } },
  ])
  expect(progress.map((step) => [step.tenant, step.error !== undefined, step.succeeded, step.failed])).toEqual([
    ['a', false, 1, 0],
    ['', true, 1, 1],
    ['b', true, 1, 2],
    ['c', false, 2, 2],
  ])
})

test('once it is aborted no tenant is started, those that run are waited for, and the list is closed', async () => {
  idsAre('int')
  const abort = new AbortController()
  let closed = false
  function* endless() {
    try {
      for (let id = 1; ; id++) yield id
    } finally {
      closed = true
    }
  }
  const done: number[] = []
  const summary = await forEachTenant(
    endless,
    async (tenant) => {
      if (tenant === 7) abort.abort()
      await sleep(5)
      done.push(tenant)
    },
    { concurrency: 3, signal: abort.signal },
  )
  expect(summary).toEqual({ succeeded: done.length, failed: [], aborted: true })
  expect([done.length >= 7 && done.length <= 9, closed]).toEqual([true, true])
  const never = await forEachTenant(ids, () => expect.unreachable(), { signal: AbortSignal.abort() })
  expect(never).toEqual({ succeeded: 0, failed: [], aborted: true })
})

test('what the list or the progress throws ends the run, after those that run are done', async () => {
  const done: string[] = []
  const work = async (tenant: string) => {
    await sleep(5)
    done.push(tenant)
  }
  async function* broken() {
    yield* ['a', 'b']
    throw new Error('connection lost')
  }
  await expect(forEachTenant(broken, work)).rejects.toThrow('connection lost')
  expect(done.sort()).toEqual(['a', 'b'])
  const onProgress = () => {
    throw new Error('no terminal')
  }
  await expect(forEachTenant(ids, work, { concurrency: 2, onProgress })).rejects.toThrow('no terminal')
  expect(done.length).toBeLessThan(8)
})

test('a list that is none and a concurrency that is none are refused', async () => {
  for (const list of [undefined, null, 'acme', 7, {}, () => 'acme', () => Promise.resolve(null)]) {
    await expect(forEachTenant(list as never, () => expect.unreachable())).rejects.toMatchObject({
      code: 'CONFIG.INVALID',
    })
  }
  for (const concurrency of [0, -1, 1.5, Number.NaN, '4']) {
    const run = forEachTenant(ids, () => expect.unreachable(), { concurrency: concurrency as number })
    await expect(run).rejects.toMatchObject({ code: 'CONFIG.INVALID' })
  }
})
