// Proves on schemas drawn at random that the edit is valid for Prisma, that editing twice changes nothing, that every line
// not concerned is kept byte for byte, and that Prisma's own DDL says what the desired state says.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTenancyError } from '../../src/errors.js'
import type { Desired } from '../../src/schema/desired.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema, editSchema } from '../../src/schema/edit.js'
import type { PrismaSchema } from '../../src/schema/model.js'
import { readSchema } from '../../src/schema/read.js'
import { ddlBetween } from '../support/prisma-ddl.js'
import { factsOfDdl, factsOfDesired } from './ddl-facts.js'
import { configOf, schemaOf } from './example.js'
import { type GeneratedSchema, generatedSchema } from './generated-schema.js'

const runs = Number(process.env.TENANCY_SCHEMA_RUNS ?? 300)

async function divide({ text, shared }: GeneratedSchema, addColumn: 'all' | []) {
  const config = configOf({ shared, addColumn })
  const before = await readSchema(schemaOf(text))
  const after = await editedSchema(before, config)
  return { before, after, config, desired: desiredState(after, before, config) }
}

/** Some schemas have something in them that no edit can solve: then that must be what the refusal says. */
async function divideOrRefuse(schema: GeneratedSchema, addColumn: 'all' | []) {
  try {
    return await divide(schema, addColumn)
  } catch (error) {
    if (isTenancyError(error) && error.meta['problems']) return undefined
    throw error
  }
}

test.each([['all'], [[]]] as const)(
  "addColumn %j: valid, idempotent, and Prisma's own difference",
  async (addColumn) => {
    let divided = 0
    await fc.assert(
      fc.asyncProperty(generatedSchema, async (schema) => {
        const result = await divideOrRefuse(schema, addColumn === 'all' ? 'all' : [])
        if (!result) return
        divided++
        const { before, after, config, desired } = result
        const again = editSchema(after, config)
        expect(again.map(({ text }) => text)).toEqual(after.files.map(({ text }) => text))
        expectKept(before, after)
        expect(factsOfDdl(await ddlBetween(before.files, after.files))).toEqual(factsOfDesired(desired))
        expectInOrder(desired)
      }),
      { numRuns: runs },
    )
    // A property that nothing reaches proves nothing.
    expect(divided).toBeGreaterThan(runs / 5)
  },
)

/** What an edit may touch; every other line is there afterwards, in its place. */
const touchable = /@id|@unique|@@id|@@unique|@relation\(.*fields|tenant_id/

function expectKept(before: PrismaSchema, after: PrismaSchema): void {
  const lines = after.files[0]?.text.split('\n') ?? []
  let at = 0
  for (const line of before.files[0]?.text.split('\n') ?? []) {
    const code = line.replace(/\/\/.*/, '')
    if (touchable.test(code)) continue
    const found = lines.indexOf(line, at)
    expect(found, line).toBeGreaterThanOrEqual(at)
    at = found + 1
  }
}

/** A backfill finds its parents filled: they come before, or had their tenants all the time. */
function expectInOrder({ tables }: Desired): void {
  const done = new Set<string>()
  for (const table of tables) if (table.kind === 'shared') done.add(JSON.stringify(table.table))
  for (const table of tables) {
    if (table.kind === 'tenant' && !table.columnIsNew && !table.columnWasNullable) done.add(JSON.stringify(table.table))
  }
  for (const table of tables) {
    for (const source of table.kind === 'tenant' ? table.backfill : []) {
      if ('parent' in source) expect([...done]).toContain(JSON.stringify(source.parent.table))
    }
    done.add(JSON.stringify(table.table))
  }
}
