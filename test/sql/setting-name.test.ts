// Proves that a setting's name is one PostgreSQL accepts from anybody, and that two spellings of it are one name.
import { expect, test } from 'vitest'
import { checkSettingName } from '../../src/setting-name.js'
import { refused } from './refused.js'

test.each(['app.tenant_id', 'a.b', 'app.x.y', '_a._b$1', `${'a'.repeat(63)}.b`])('%s is a setting name', (name) => {
  expect(checkSettingName(name)).toBe(name)
})

test('spellings that PostgreSQL does not tell apart come out the same', () => {
  expect(checkSettingName('App.TENANT_id')).toBe('app.tenant_id')
})

test.each([
  ['tenant_id', 'The setting name "tenant_id" contains no dot, and PostgreSQL keeps names without one for itself.'],
  ['', 'The setting name "" contains no dot, and PostgreSQL keeps names without one for itself.'],
  ['app.', 'The setting name "app." has a part that is not a plain word.'],
  ['.a', 'The setting name ".a" has a part that is not a plain word.'],
  ['app.1a', 'The setting name "app.1a" has a part that is not a plain word.'],
  ['app.a\n', 'The setting name "app.a\\n" has a part that is not a plain word.'],
  ["app.a'", 'The setting name "app.a\'" has a part that is not a plain word.'],
  ['app.\u212a', 'The setting name "app.\u212a" has a part that is not a plain word.'],
  [`${'a'.repeat(64)}.b`, `The setting name "${'a'.repeat(40)}…" has a part of more than 63 bytes.`],
  [undefined, 'The setting name undefined is not a string.'],
  [42, 'The setting name the number 42 is not a string.'],
  [{ toString: () => 'app.a' }, 'The setting name an object is not a string.'],
])('%j is refused with a hint', (name, message) => {
  expect(refused(() => checkSettingName(name))).toEqual({
    code: 'CONFIG.INVALID',
    message,
    hint: "Use two or more words joined by dots, such as 'app.tenant_id': letters, digits, _ and $, at most 63 bytes each.",
  })
})
