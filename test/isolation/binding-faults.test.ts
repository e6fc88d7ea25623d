// Proves that no row is handed over and nothing is written unless the server confirmed the binding: not where it refuses
// to bind, and not where something on the way changes, drops or adds messages.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { dataRow, type Mangle, type ManglingProxy, startManglingProxy, valuesOf } from '../support/mangling-proxy.js'
import { type Mode, modes, openMode } from '../support/modes.js'
import { runSql, startPostgres } from '../support/postgres.js'
import { NAMES_STATEMENTS } from '../support/prisma-version.js'
import type { WireMessage } from '../support/wire-messages.js'
import { type FaultScene, idsOf, type Opened, openScene } from './fault-scene.js'

let scene: FaultScene
let proxy: ManglingProxy
beforeAll(async () => {
  scene = await openScene()
  proxy = await startManglingProxy(await startPostgres())
})
afterAll(async () => {
  await proxy.stop()
  await scene.close()
})

const bindFailed = { code: 'CONNECTION.BIND_FAILED', hint: expect.stringMatching(/^Nothing was read or written/) }
/** In pool mode the statement was in the same flight as the binding: whether it ran is not known. */
const answerRefused = {
  code: 'CONNECTION.BIND_FAILED',
  message: expect.stringMatching(/(?:^|: )The answer cannot be trusted: the server sent /),
  hint: expect.stringMatching(/^No row of it was handed over.*A write may have been committed/),
}

/** Applies `change` to answers that confirm a binding to tenant A; `at` is where the confirming row is. */
function confirmation(change: (answer: WireMessage[], at: number) => WireMessage[]): Mangle {
  return (answer) => {
    const at = answer.findIndex((message) => message.type === 'D' && valuesOf(message)[0] === scene.a.tenantId)
    return at === -1 ? answer : change([...answer], at)
  }
}

const otherValues = (values: (own: (string | null)[]) => (string | null)[]) =>
  confirmation((answer, at) => answer.with(at, dataRow(values(valuesOf(answer[at] as WireMessage)))))
const last = (answer: WireMessage[], type: string) => answer.findLastIndex((message) => message.type === type)
const own = (type: string, body = Buffer.alloc(0)): WireMessage => ({ type, body })

/** What both modes see: the value that the server says it set. */
const wrongValues: Record<string, Mangle> = {
  'names another tenant': otherValues(([, ...more]) => [scene.b.tenantId, ...more]),
  'names no tenant': otherValues(([, ...more]) => ['', ...more]),
  'is NULL': otherValues(([, ...more]) => [null, ...more]),
  'has no row': confirmation((answer, at) => answer.toSpliced(at, 1)),
}

/** What only the pool sees, which reads the messages itself. */
const wrongMessages: Record<string, Mangle> = {
  'has a value more': otherValues((values) => [scene.a.tenantId, ...values]),
  'comes twice': confirmation((answer, at) => answer.toSpliced(at, 0, answer[at] as WireMessage)),
  'does not end': confirmation((answer, at) => answer.toSpliced(at + 1, 1)),
  'is an empty query': confirmation((answer, at) => answer.toSpliced(at, 2, own('I'))),
  'is described': confirmation((answer, at) => answer.toSpliced(at, 0, answer[last(answer, 'T')] as WireMessage)),
  'ends the flight': confirmation((answer, at) => answer.toSpliced(at + 2, 0, own('Z', Buffer.from('I')))),
  'is followed by rows without description': confirmation((answer) => answer.toSpliced(last(answer, 'T'), 1)),
  'is followed by a command that does not end': confirmation((answer) => answer.toSpliced(last(answer, 'C'), 1)),
  'is followed by a command that ends twice': confirmation((answer) =>
    answer.toSpliced(last(answer, 'C'), 0, answer[last(answer, 'C')] as WireMessage),
  ),
  'is followed by a suspended portal': confirmation((answer) => answer.with(last(answer, 'C'), own('s'))),
  'is followed by COPY': confirmation((answer) => answer.with(last(answer, 'C'), own('G', Buffer.alloc(3)))),
}

describe.each(modes)('in %s mode', (mode) => unconfirmed(mode, false))

// Portable mode reads no messages, so names of prepared statements make no difference there.
describe.skipIf(!NAMES_STATEMENTS)(
  'in pool mode with prepared statements (the adapter names them since Prisma 7.6)',
  () => unconfirmed('pool', true),
)

function unconfirmed(mode: Mode, prepared: boolean): void {
  let opened: Opened
  beforeEach(async () => {
    opened = await openMode(mode, proxy.url(scene.db.appUrl), { max: 1, prepared })
    // Without a fault everything is there, and the one connection is open.
    expect(await scene.inA(names)).toHaveLength(3)
  })
  afterEach(async () => {
    proxy.mangle(undefined)
    await opened.close()
  })
  const refusal = mode === 'pool' ? answerRefused : bindFailed
  const names = () => opened.prisma.project.findMany({ select: { id: true, name: true, budget: true } })
  const write = () => opened.prisma.project.updateMany({ data: { budget: 99 } })
  const faults = Object.entries(mode === 'pool' ? { ...wrongValues, ...wrongMessages } : wrongValues)

  test.each(faults)('a confirmation that %s hands over no row', async (_, mangle) => {
    const connection = connectionOf(opened)
    proxy.mangle(mangle)
    await expect(scene.inA(names)).rejects.toMatchObject(refusal)
    await expectGivenUp(mode, opened, connection)
    proxy.mangle(undefined)
    await scene.expectUnharmed(opened)
  })

  test.each(faults)('a confirmation that %s ends a transaction, and nothing of it stays', async (_, mangle) => {
    const connection = connectionOf(opened)
    const transaction = scene.inA(() =>
      opened.prisma.$transaction(async (tx) => {
        if (mode === 'pool') {
          // The first statement went well; the pool binds again with each.
          await tx.project.create({ data: { name: 'uncommitted' } })
          proxy.mangle(mangle)
        }
        return tx.project.findMany()
      }),
    )
    if (mode === 'portable') proxy.mangle(mangle)
    await expect(transaction).rejects.toMatchObject(refusal)
    await expectGivenUp(mode, opened, connection)
    proxy.mangle(undefined)
    await scene.expectUnharmed(opened)
  })

  test('a server that refuses to bind is asked for nothing', async () => {
    const setConfig = 'EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean)'
    await runSql(scene.db.adminUrl, `REVOKE ${setConfig} FROM PUBLIC`)
    const refused = { ...bindFailed, message: expect.stringContaining('the server refused the binding') }
    try {
      await expect(scene.inA(names)).rejects.toMatchObject(refused)
      await expect(scene.inA(write)).rejects.toMatchObject(refused)
      await expect(scene.inA(() => opened.prisma.$queryRaw`SELECT 1`)).rejects.toMatchObject(refused)
      await expect(scene.inA(() => opened.prisma.$transaction([names(), write()]))).rejects.toMatchObject(refused)
      await expect(
        scene.inA(() => opened.prisma.$transaction(async (tx) => tx.project.updateMany({ data: { budget: 99 } }))),
      ).rejects.toMatchObject(refused)
    } finally {
      await runSql(scene.db.adminUrl, `GRANT ${setConfig} TO PUBLIC`)
    }
    await scene.expectUnharmed(opened)
  })

  test('a refusal names its cause', async () => {
    const setConfig = 'EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean)'
    await runSql(scene.db.adminUrl, `REVOKE ${setConfig} FROM PUBLIC`)
    const error = await scene.inA(names).catch((error: unknown) => error)
    await runSql(scene.db.adminUrl, `GRANT ${setConfig} TO PUBLIC`)
    expect(String((error as Error).cause)).toContain('permission denied for function set_config')
  })

  test('an answer that arrives whole is handed over', async () => {
    proxy.mangle(confirmation((answer) => answer))
    const found = await scene.inA(names)
    expect(found.map(({ id }) => id).sort()).toEqual(idsOf(scene.a).projects)
  })

  if (mode === 'portable') return

  test.each(['T', 'E'])('a connection that reports the status %s is destroyed', async (status) => {
    const connection = connectionOf(opened)
    proxy.mangle((answer) => answer.map((message) => (message.type === 'Z' ? own('Z', Buffer.from(status)) : message)))
    await expect(scene.inA(names)).rejects.toMatchObject(refusal)
    await expectGivenUp(mode, opened, connection)
    proxy.mangle(undefined)
    await scene.expectUnharmed(opened)
  })
}

function connectionOf({ pool }: Opened): unknown {
  const [client] = (pool as unknown as { _clients: unknown[] })._clients
  expect(client).toBeDefined()
  return client
}

/** The pool destroys the connection; portable mode has none of its own to destroy, and rolls back. */
async function expectGivenUp(mode: Mode, { pool }: Opened, connection: unknown): Promise<void> {
  if (mode === 'pool') expect((pool as unknown as { _clients: unknown[] })._clients).not.toContain(connection)
}
