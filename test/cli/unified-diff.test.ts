// Proves that the printed edit is a patch: git applies it, and gets the edited file.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { unifiedDiff } from '../../src/cli/unified-diff.js'

const folder = mkdtempSync(join(tmpdir(), 'tenancy-diff-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function patched(before: string, diff: string): string {
  writeFileSync(join(folder, 'schema.prisma'), before)
  execFileSync('git', ['apply', '--whitespace=nowarn', '--unidiff-zero', '-'], { cwd: folder, input: diff })
  return readFileSync(join(folder, 'schema.prisma'), 'utf8')
}

test('a change shows with three lines around it', () => {
  const lines = [
    'model A {',
    '  id Int @id',
    '}',
    '',
    'model B {',
    '  id Int @id',
    '  a  Int',
    '  b  Int',
    '  c  Int',
    '}',
    '',
  ]
  const before = lines.join('\n')
  const after = before.replace('  a  Int\n', '  a  String\n  t  Int\n')
  expect(unifiedDiff('schema.prisma', before, after)).toBe(`--- a/schema.prisma
+++ b/schema.prisma
@@ -4,7 +4,8 @@
 
 model B {
   id Int @id
-  a  Int
+  a  String
+  t  Int
   b  Int
   c  Int
 }
`)
})

test('equal texts have none', () => {
  expect(unifiedDiff('schema.prisma', 'a\n', 'a\n')).toBe('')
})

test('git turns one text into the other with it', () => {
  const line = fc.constantFrom('', '}', 'model A {', '  id Int', '  name String', '  name String?', '// x')
  const text = fc
    .tuple(fc.array(line, { minLength: 1, maxLength: 25 }), fc.constantFrom('\n', '', '  // the end'))
    .map(([lines, end]) => `${lines.join('\n')}${end}`)
    .filter((each) => each !== '') // an empty file is another kind of patch
  fc.assert(
    fc.property(text, text, (before, after) => {
      fc.pre(before !== after)
      expect(patched(before, unifiedDiff('schema.prisma', before, after))).toBe(after)
    }),
    { numRuns: 100 },
  )
})
