// What is attacked: every model of the schema and every table that Prisma makes of it. Nothing is listed by hand but what
// is shared, so a model that somebody adds belongs to tenants and is attacked, or is declared.
import { ddlOf } from '../support/prisma-ddl.js'
import { modelsOf } from './models.js'
import { readSchema } from './schema-files.js'
import { isShared } from './seed.js'

const files = await readSchema()
const all = await modelsOf(files)

/** Models with a table: views have none. */
export const tableNames: readonly string[] = [
  ...(await ddlOf(files)).matchAll(/^CREATE TABLE (?:"(?<schema>[^"]+)"\.)?"(?<table>[^"]+)" \($/gm),
].map(({ groups }) => `${groups?.['schema'] ?? 'public'}.${groups?.['table']}`)

export const ownedTableNames = tableNames.filter((name) => !isShared(name))
export const sharedTableNames = tableNames.filter(isShared)

const withTable = all.filter(({ table }) => tableNames.includes(table))
export const views = all.filter(({ table }) => !tableNames.includes(table))
export const ownedModelNames = withTable.filter(({ table }) => !isShared(table)).map(({ name }) => name)
export const sharedModelNames = withTable.filter(({ table }) => isShared(table)).map(({ name }) => name)
