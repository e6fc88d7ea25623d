// Proves that an answer which PostgreSQL's protocol does not allow hands over nothing and costs its connection: a row
// more or less than the tag counts, a row of another width, messages out of order, a COMMIT that was answered with
// something else. And that what the protocol does allow, wherever it comes, harms nothing.
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TenantPool } from '../../src/pool/tenant-pool.js'
import { dataRow, type Mangle, type ManglingProxy, startManglingProxy, valuesOf } from '../support/mangling-proxy.js'
import { runSql, startPostgres } from '../support/postgres.js'
import type { WireMessage } from '../support/wire-messages.js'
import { expectNothingUncaught, type FaultScene, openScene } from './fault-scene.js'

let scene: FaultScene
let proxy: ManglingProxy
let pool: pg.Pool
beforeAll(async () => {
  scene = await openScene()
  proxy = await startManglingProxy(await startPostgres())
})
afterAll(async () => {
  await proxy.stop()
  await scene.close()
})
beforeEach(async () => {
  pool = new TenantPool({ connectionString: proxy.url(scene.db.appUrl), max: 1 }) as pg.Pool
  pool.on('error', () => {})
  expect(await scene.inA(names)).toHaveLength(3)
})
afterEach(async () => {
  proxy.mangle(undefined)
  // The pool is whole, and whatever was attacked, nothing of it stayed.
  expect(await scene.inA(names)).toHaveLength(3)
  expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0])
  await pool.end()
})

const names = async (): Promise<unknown[]> => (await pool.query('SELECT name FROM projects ORDER BY name')).rows
const refused = {
  code: 'CONNECTION.BIND_FAILED',
  message: expect.stringMatching(/(?:^|: )The answer cannot be trusted: the server sent /),
  hint: expect.stringMatching(/look before you repeat it/),
}

const tag = (text: string): WireMessage => ({ type: 'C', body: Buffer.from(`${text}\0`) })
const own = (type: string, body: string | Buffer = ''): WireMessage => ({ type, body: Buffer.from(body) })
const tagOf = ({ body }: WireMessage): string => body.toString('latin1', 0, body.length - 1)
/** Changes the part of an answer that describes rows. Of a flight of ours that is the query's own. */
const described =
  (change: (messages: WireMessage[]) => WireMessage[]): Mangle =>
  (answer) => {
    const at = answer.findIndex(({ type }) => type === 'T')
    return at === -1 ? answer : [...answer.slice(0, at), ...change(answer.slice(at))]
  }
const tagged = (text: string) =>
  described((part) => part.map((message) => (message.type === 'C' ? tag(text) : message)))
const afterTag = (...more: WireMessage[]) =>
  described((part) => part.flatMap((message) => (message.type === 'C' ? [message, ...more] : [message])))

const wrong: Record<string, Mangle> = {
  'a row too few': described((part) => part.toSpliced(1, 1)),
  'a row twice': described((part) => part.toSpliced(1, 0, part[1] as WireMessage)),
  'two rows swapped for one twice and one more': described(
    ([t, first, ...rest]) => [t, first, first, first, ...rest] as WireMessage[],
  ),
  'no row': described((part) => part.filter(({ type }) => type !== 'D')),
  'a tag that counts more': tagged('SELECT 4'),
  'a tag without its number': tagged('SELECT'),
  'the tag of another statement': tagged('UPDATE 2'),
  'the tag of a statement without rows': tagged('NOTIFY'),
  'the tag of a transaction': tagged('COMMIT'),
  'a row with a column more': described((part) => part.with(1, dataRow([...valuesOf(part[1] as WireMessage), 'more']))),
  'a row without columns': described((part) => part.with(1, dataRow([]))),
  'a row after the command': described(
    (part) => [...part.filter(({ type }) => type !== 'Z'), part[1], part.at(-1)] as WireMessage[],
  ),
  'a description after the command': (answer) =>
    [...answer.slice(0, -1), answer.find(({ type }) => type === 'T') ?? own('n'), answer.at(-1)] as WireMessage[],
  'an empty query instead of the command': described((part) =>
    part.map((message) => (message.type === 'C' ? own('I') : message)),
  ),
  'an empty query after the command': afterTag(own('I')),
  'a row after the end of the flight': described((part) => part.toSpliced(2, 0, own('Z', 'I'))),
  'no confirmation of a Bind': (answer) =>
    answer.toSpliced(
      answer.findLastIndex(({ type }) => type === '2'),
      1,
    ),
  'no confirmation of a Parse': (answer) =>
    answer.toSpliced(
      answer.findLastIndex(({ type }) => type === '1'),
      1,
    ),
  'its confirmations the other way round': (answer) => {
    const at = answer.findLastIndex(({ type }) => type === '2')
    return [...answer.slice(0, at - 1), answer[at], answer[at - 1], ...answer.slice(at + 1)] as WireMessage[]
  },
  'no columns as well as columns': described((part) => [own('n'), ...part]),
  'an open transaction': (answer) => answer.with(-1, own('Z', 'T')),
}

describe('an answer is refused whole', () => {
  test.each(Object.entries(wrong))('that has %s', async (_, mangle) => {
    proxy.mangle(mangle)
    await expect(scene.inA(names)).rejects.toMatchObject(refused)
  })

  test.each([
    ['UPDATE', 'UPDATE projects SET budget = budget WHERE id = $1 RETURNING id'],
    [
      'INSERT',
      `INSERT INTO projects (id, name) VALUES ($1, 'again')
       ON CONFLICT (id) DO UPDATE SET name = projects.name RETURNING id`,
    ],
    ['DELETE', 'DELETE FROM tasks WHERE project_id = $1 AND false RETURNING id'],
  ])('that returns a row too many of %s', async (kind, text) => {
    const write = () => scene.inA(async () => (await pool.query(text, [scene.a.projectIds[0]])).rowCount)
    expect(await write()).toBe(kind === 'DELETE' ? 0 : 1)
    proxy.mangle(described(([t, ...rest]) => [t as WireMessage, dataRow([scene.b.projectIds[0] as string]), ...rest]))
    await expect(write()).rejects.toMatchObject(refused)
  })

  test('also where a type parser throws first, and then the connection is not used again', async () => {
    const pid = async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
    const before = await scene.inA(pid)
    const types = {
      getTypeParser: () => () => {
        throw new Error('of the parser')
      },
    }
    const parsed = () => scene.inA(() => pool.query({ text: 'SELECT name FROM projects', types: types as never }))
    await expect(parsed()).rejects.toThrow('of the parser')
    expect(await scene.inA(pid)).toBe(before)
    proxy.mangle(wrong['a row twice'])
    await expect(parsed()).rejects.toMatchObject(refused)
    proxy.mangle(undefined)
    expect(await scene.inA(pid)).not.toBe(before)
  })
})

describe('in a transaction', () => {
  /** Mangles the answer to what is sent last. */
  const ending = (last: string, mangle: Mangle) =>
    scene.inA(async () => {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query('UPDATE projects SET budget = 99')
        await client.query('SAVEPOINT s')
        proxy.mangle(mangle)
        return await client.query(last)
      } finally {
        proxy.mangle(undefined)
        await client.query('ROLLBACK').catch(() => {})
        client.release()
      }
    })
  const answerWith =
    (...messages: WireMessage[]): Mangle =>
    (answer) => [...messages, answer.at(-1) as WireMessage]

  test.each([
    ['COMMIT', 'the tag of the savepoint before it', answerWith(tag('RELEASE'))],
    ['COMMIT', 'the tag of a query', answerWith(tag('SELECT 3'))],
    ['COMMIT', 'nothing', answerWith()],
    ['COMMIT', 'an empty query', answerWith(own('I'))],
    ['COMMIT', 'a transaction that goes on', (answer) => answer.with(-1, own('Z', 'T'))],
    ['SAVEPOINT t', 'a transaction that is over', (answer) => answer.with(-1, own('Z', 'I'))],
    ['ROLLBACK TO s', 'the tag of a query', answerWith(tag('UPDATE 3'))],
    ['RELEASE SAVEPOINT s', 'a second command', answerWith(tag('RELEASE'), tag('RELEASE'))],
  ] as [string, string, Mangle][])('%s that is answered with %s has not succeeded', async (last, _, mangle) => {
    await expect(ending(last, mangle)).rejects.toMatchObject(refused)
  })

  test.each(['SELECT 1', 'COMMIT', 'BEGIN IMMEDIATE'])(
    'a BEGIN that is answered with %s opens nothing',
    async (text) => {
      const client = await pool.connect()
      await scene.inA(async () => {
        await client.query('BEGIN')
        proxy.mangle((answer) =>
          answer.map((message) => (message.type === 'C' && tagOf(message) === 'BEGIN' ? tag(text) : message)),
        )
        await expect(client.query('UPDATE projects SET budget = 99')).rejects.toMatchObject(refused)
        proxy.mangle(undefined)
        await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: 'QUERY.UNSUPPORTED' })
      })
      client.release()
    },
  )

  test('a BEGIN whose SET TRANSACTION the server refuses is not reported as a refused binding', async () => {
    const client = await pool.connect()
    await scene.inA(async () => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await client.query("SET TRANSACTION SNAPSHOT 'nonsense'")
      await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '22023' })
    })
    client.release()
  })
})

describe('what may come at any time', () => {
  const notice = own('N', `SNOTICE\0VNOTICE\0C00000\0M${'x'.repeat(1_000_000)}\0\0`)
  const notification = own('A', Buffer.concat([Buffer.alloc(4, 1), Buffer.from('channel\0payload\0')]))
  const setting = own('S', 'application_name\0somebody\0')
  test.each([
    ['a notice of a megabyte', notice],
    ['a notification', notification],
    ['a setting', setting],
  ])('leaves an answer as it is: %s', async (_, message) => {
    proxy.mangle((answer) => answer.flatMap((one) => [message, one]))
    expect(await scene.inA(names)).toHaveLength(3)
  })

  test('an error at the very end, after the command, fails the statement and keeps the connection', async () => {
    await runSql(
      scene.db.adminUrl,
      `CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); GRANT SELECT, INSERT ON late TO PUBLIC`,
    )
    const pid = async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
    const before = await scene.inA(pid)
    const insert = () => scene.inA(() => pool.query('INSERT INTO late VALUES (1), (1) RETURNING id'))
    await expect(insert()).rejects.toMatchObject({ code: '23505' })
    expect(await scene.inA(pid)).toBe(before)
  })

  test.each([
    ['a row that ends before its columns do', own('D', 'SE')],
    ['a demand for a password of an unknown kind', own('R', '????')],
  ])('bytes that are not a message end the connection and not the process: %s', async (_, message) => {
    // At the very end, where no other bytes stand in for those that are missing.
    proxy.mangle((answer) => [...answer.slice(0, -1), message])
    await expect(scene.inA(names)).rejects.toMatchObject(refused)
    await expectNothingUncaught()
  })

  test('a message of no known type ends the connection', async () => {
    proxy.mangle(described((part) => part.toSpliced(1, 0, own('?', 'what'))))
    await expect(scene.inA(names)).rejects.toThrow('received invalid response')
  })
})
