// The schema as it is on disk, before anything is done for tenants, and the database that Prisma would make of it.
import { readdir, readFile } from 'node:fs/promises'

import { ddlOf } from '../support/prisma-ddl.js'

/** A file of a Prisma schema, as src/schema has it. */
export interface SchemaFile {
  readonly path: string
  readonly text: string
}

export const SCHEMA = new URL('schema/', import.meta.url)
export const CONFIG = new URL('tenancy.config.json', import.meta.url)

export async function readSchema(folder: URL = SCHEMA): Promise<SchemaFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.prisma')).sort()
  return Promise.all(names.map(async (name) => ({ path: name, text: await readFile(new URL(name, folder), 'utf8') })))
}

/** Tables by Prisma; the view by hand, as Prisma has it from its users. */
export async function ddlWithView(files: readonly SchemaFile[]): Promise<string> {
  return `${await ddlOf(files)}\n${VIEW}`
}

const VIEW = `CREATE VIEW project_summaries WITH (security_invoker = true) AS
  SELECT id, name, (SELECT count(*) FROM tasks t WHERE t.project_id = p.id) AS tasks FROM projects p;`
