// Proves that an error's hint is in what Node and loggers print, and that the sentence alone can be had without it.
import { spawnSync } from 'node:child_process'
import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import pino from 'pino'
import { expect, test } from 'vitest'
import { NoTenantError, TenancyError, withoutHint } from '../src/errors.js'

const hint = 'Type this.\nThen that.'
const error = new TenancyError('CONFIG.INVALID', 'It broke.', { hint })
const printed = 'TenancyError: It broke.\n  hint: Type this.\n  Then that.\n    at '

test('message, stack and console.error show the hint, and withoutHint takes it off', () => {
  expect(error.message).toBe('It broke.\n  hint: Type this.\n  Then that.')
  expect(error.stack?.startsWith(printed)).toBe(true)
  expect(inspect(error).startsWith(printed)).toBe(true)
  expect(error.hint).toBe(hint)
  expect(withoutHint(error)).toBe('It broke.')
})

test("pino's record of it has the hint in message and stack", () => {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk))
      done()
    },
  })
  pino(stream).error(error)
  const { err, msg } = JSON.parse(lines.join(''))
  expect(msg).toBe(error.message)
  expect(err).toMatchObject({ type: 'TenancyError', message: error.message, stack: error.stack, hint })
})

test('a class has its name as text, and a class that extends it has its own', () => {
  class Ours extends NoTenantError {}
  expect([new NoTenantError().name, new Ours().name]).toEqual(['NoTenantError', 'Ours'])
  // As a minifier leaves it, where nothing of the class's declaration is its name.
  const Renamed = class extends TenancyError {
    static override readonly name = 'Renamed'
  }
  expect(new Renamed('CONFIG.INVALID', 'x', { hint }).name).toBe('Renamed')
})

test('a throw that nobody catches ends the process with the hint', () => {
  const { stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '-e', "import('./src/errors.ts').then(({ NoTenantError }) => { throw new NoTenantError() })"],
    { encoding: 'utf8' },
  )
  expect(stderr).toMatch(
    /NoTenantError: This call needs a tenant, and no scope is open\.\n {2}hint: Wrap it: .*\n {4}at /,
  )
})
