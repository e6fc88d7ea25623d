import { existsSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import type { SourceLocation } from '../doctor/report/sarif.js'
import { configFile } from '../schema/config.js'
import { quoteTable } from '../sql/quote.js'
import { withSchema } from './expected.js'
import type { Project } from './project.js'

/**
 * Where in the repository somebody looks for an object of the database: at the model of its table, else at the top of a
 * file that is there.
 */
export function sourceLocations(
  folder: string,
  project: Project | undefined,
  schema = 'public',
): (finding: { readonly object: string }) => SourceLocation {
  const root = repositoryOf(folder)
  const shown = (path: string): string => relative(root, path).split(sep).join('/')
  const models = modelLines(project, schema).map(({ path, ...rest }) => ({ ...rest, path: shown(path) }))
  const fallback = [configFile, 'prisma/schema.prisma', 'package.json'].find((file) => existsSync(join(folder, file)))
  const top = { path: shown(join(folder, fallback ?? configFile)), line: 1 }
  return ({ object }) => {
    const found = models.filter(({ table }) => object.includes(table))
    const { path, line } = found.sort((one, other) => other.table.length - one.table.length)[0] ?? top
    return { path, line }
  }
}

function modelLines(project: Project | undefined, schema: string): { table: string; path: string; line: number }[] {
  if (!project) return []
  const places = new Map<string, { path: string; line: number }>()
  for (const { path, text } of project.files) {
    for (const [index, line] of text.split('\n').entries()) {
      const model = /^\s*model\s+(\w+)/.exec(line)?.[1]
      if (model !== undefined) places.set(model, { path, line: index + 1 })
    }
  }
  return project.desired.tables.flatMap((desired) => {
    const place = 'model' in desired && desired.model !== undefined ? places.get(desired.model) : undefined
    return place ? [{ table: quoteTable(withSchema(desired.table, schema)), ...place }] : []
  })
}

/** Code hosts count paths from there. */
function repositoryOf(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at
    if (dirname(at) === at) return folder
  }
}
