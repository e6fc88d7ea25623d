// The migration of the thirty models as the library generates it, from the schema and its configuration alone.
import { readFile } from 'node:fs/promises'

import { downSql, migrationSql } from '../../src/migration/files.js'
import { planSteps } from '../../src/migration/plan-steps.js'
import type { Step } from '../../src/migration/step.js'
import { checkConfig } from '../../src/schema/config.js'
import type { Desired } from '../../src/schema/desired.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema, editSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import { CONFIG, readSchema as filesOnDisk, type SchemaFile } from './schema-files.js'
import type { Migration } from './world.js'

/** Everything that the generator says of the schema. */
export interface Generated extends Migration {
  readonly down: string
  readonly steps: readonly Step[]
  readonly desired: Desired
}

export async function migrate({ files }: { readonly files?: readonly SchemaFile[] } = {}): Promise<Generated> {
  const config = checkConfig(JSON.parse(await readFile(CONFIG, 'utf8')))
  const before = await readSchema(files ?? (await filesOnDisk()))
  const desired = desiredState(await editedSchema(before, config), before, config)
  const steps = planSteps(desired)
  return { files: editSchema(before, config), sql: migrationSql(steps), down: downSql(steps), steps, desired }
}

/** Tables whose surrogate primary key the plan lists. */
export async function surrogateKeys(): Promise<string[]> {
  const { desired } = await migrate()
  return desired.surrogateKeys.map(({ table }) => fullName(table))
}

/** `schema.table`, as the catalog of these tests names it. */
export function fullName(table: Step['table'] & {}): string {
  return typeof table === 'string' ? `public.${table}` : `${table.schema}.${table.table}`
}
