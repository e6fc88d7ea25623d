// Proves that a person sees what the run is doing: a bar in a terminal, plain lines everywhere else.
import { PassThrough } from 'node:stream'
import { WriteStream } from 'node:tty'
import { expect, test } from 'vitest'

import type { ProgressEvent } from '../../src/online/progress.js'
import { progressBar } from '../../src/online/progress-bar.js'

const step = (state: 'there' | 'started' | 'done', number = 1): ProgressEvent => ({
  kind: 'step',
  state,
  key: 'k',
  title: 'Tenants of the rows of tasks',
  number,
  of: 2,
})
const rows = (seen: number): ProgressEvent => ({ kind: 'rows', table: 'public.tasks', seen, filled: seen, of: 1_000 })

const events: readonly ProgressEvent[] = [
  step('there'),
  step('started', 2),
  { kind: 'action', state: 'started', title: 'Tenants of the rows of tasks', action: 'backfill' },
  ...Array.from({ length: 50 }, (_, n) => rows((n + 1) * 20)),
  { kind: 'waiting', title: 'Tenants of the rows of tasks', blockers: ['process 7 (user app_user)'] },
  { kind: 'waiting', title: 'Tenants of the rows of tasks', blockers: ['process 7 (user app_user)'] },
  { kind: 'index', name: 'tasks_idx', phase: 'building index', done: 5, of: 10 },
  step('done', 2),
]

function played(stream: PassThrough, as: object = {}): string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  const bar = progressBar(Object.assign(stream, as) as unknown as NodeJS.WriteStream)
  for (const event of events) bar.onProgress(event)
  bar.stop()
  stream.read()
  return text
}

test('where there is no terminal, every line stands for itself: ten for a backfill, one for a wait', () => {
  expect(played(new PassThrough()).split('\n')).toEqual([
    '[1/2] Tenants of the rows of tasks: there already',
    '[2/2] Tenants of the rows of tasks',
    ...Array.from({ length: 10 }, (_, n) => `  ${(n + 1) * 10} %  rows of public.tasks  ${(n + 1) * 100}/1000`),
    '  waiting for a lock, held by process 7 (user app_user)',
    '  50 %  tasks_idx: building index  5/10',
    '',
  ])
})

test('in a terminal a bar is drawn and cleared, and the lines stay', () => {
  const terminal = {
    isTTY: true,
    columns: 80,
    cursorTo: WriteStream.prototype.cursorTo,
    clearLine: WriteStream.prototype.clearLine,
    moveCursor: WriteStream.prototype.moveCursor,
  }
  const text = played(new PassThrough(), terminal)
  expect(text).toContain('[2/2] Tenants of the rows of tasks\n')
  expect(text).toMatch(/\d+ %\s+rows of public\.tasks/)
  expect(text).toContain('waiting for a lock, held by process 7 (user app_user)\n')
  // The cursor is back.
  expect(text.lastIndexOf('\u001b[?25h')).toBeGreaterThan(text.lastIndexOf('\u001b[?25l'))
})
