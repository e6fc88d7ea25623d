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
