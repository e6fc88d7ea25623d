import { checkConfig, type ResolvedConfig, type TenancyConfig } from '../../src/schema/config.js'
import type { Desired } from '../../src/schema/desired.js'
import { desiredState } from '../../src/schema/desired-state.js'
import { editedSchema } from '../../src/schema/edit.js'
import { readSchema } from '../../src/schema/read.js'
import type { SchemaFile } from '../../src/schema/source.js'

const head = `generator client {
  provider = "prisma-client"
  output   = "../generated"
}

datasource db {
  provider = "postgresql"
}
`

/** One file with these models in it, as a project has it. */
export function schemaOf(models: string, file = 'schema.prisma'): SchemaFile[] {
  return [{ path: file, text: `${head}\n${models.replace(/^\n/, '')}` }]
}

/** The models of such a file again. */
export function modelsOf(files: readonly SchemaFile[]): string {
  return (files[0]?.text ?? '').slice(head.length + 1)
}

export const configOf = (config: Partial<TenancyConfig> = {}): ResolvedConfig => {
  return checkConfig({ tenantModel: 'Company', ...config })
}

/** The models after the edit, and the desired state that follows. */
export async function divided(
  models: string,
  options: Partial<TenancyConfig> = {},
): Promise<{ models: string; desired: Desired }> {
  const config = configOf(options)
  const before = await readSchema(schemaOf(models))
  const after = await editedSchema(before, config)
  return { models: modelsOf(after.files), desired: desiredState(after, before, config) }
}
