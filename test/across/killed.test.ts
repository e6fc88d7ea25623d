// Proves that a use of acrossTenants whose process dies inside it has its row in the audit, without an outcome.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { auditOf, createAuditedDatabase } from './open-across.js'

test('a process that is killed inside leaves one row, without an outcome', async () => {
  const db = await createAuditedDatabase()
  const tsx = createRequire(import.meta.url).resolve('tsx')
  const script = fileURLToPath(new URL('killed-inside.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', tsx, script, db.appUrl, db.bypassUrl, 'killed'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = await once(child.stdout, 'data')
  expect(String(printed).trim()).toBe('0')
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await auditOf(db, 'killed')).toMatchObject([{ outcome: null, finished: false, statements: null }])
  await db.drop()
})
