// Proves that a schema of 500 models goes all the way, and that nothing of it is lost. The time it takes is printed by
// TENANCY_SHOW_TIME=1 and asserted nowhere: a slow machine is not a fault.
import { expect, test } from 'vitest'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import { configOf } from './example.js'
import { largeSchema } from './large-schema.js'

test('501 models are read, divided, edited, read again and turned into the desired state', async () => {
  const files = largeSchema(501)
  const start = performance.now()
  const config = configOf()
  const before = await readSchema(files)
  const after = await editedSchema(before, config)
  const { tables } = desiredState(after, before, config)
  const milliseconds = Math.round(performance.now() - start)
  if (process.env.TENANCY_SHOW_TIME) console.info(`501 models, read to desired state: ${milliseconds} ms`)
  expect(after.models).toHaveLength(501)
  const count = (kind: string) => tables.filter((table) => table.kind === kind).length
  expect([count('tenant'), count('reached'), count('manyToMany'), count('shared')]).toEqual([400, 100, 100, 1])
})
