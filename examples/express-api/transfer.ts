import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { RequestHandler } from 'express'
import type { Prisma } from '../http-service/db.js'
import { HttpError } from '../http-service/http-error.js'

const PAGE = 100

/** GET /projects/export: a project a line, read while it is sent. The scope holds for as long as the response does. */
export function exportProjects(prisma: Prisma): RequestHandler {
  return async (_request, response) => {
    response.type('application/x-ndjson')
    await pipeline(Readable.from(lines(prisma)), response)
  }
}

async function* lines(prisma: Prisma): AsyncGenerator<string> {
  let after: string | undefined
  do {
    const page = await prisma.project.findMany({
      orderBy: { id: 'asc' },
      take: PAGE,
      ...(after !== undefined && { where: { id: { gt: after } } }),
    })
    for (const project of page) yield `${JSON.stringify(project)}\n`
    after = page.length === PAGE ? page.at(-1)?.id : undefined
  } while (after !== undefined)
}

/**
 * POST /projects/import: lines of an export, with the company that stands in them. The file is the client's, and need not
 * be believed: rows for another company are refused by the database, and then none of them is written.
 */
export function importProjects(prisma: Prisma): RequestHandler {
  return async ({ body }, response) => {
    const rows = String(body ?? '')
      .split('\n')
      .filter(Boolean)
      .map(rowOf)
    const { count } = await prisma.project.createMany({ data: rows })
    response.status(201).json({ imported: count })
  }
}

function rowOf(line: string): { name: string; tenantId: string } {
  try {
    const { name, tenantId } = JSON.parse(line)
    if (typeof name === 'string' && typeof tenantId === 'string') return { name, tenantId }
  } catch {
    // Told below, as for a line that is something else.
  }
  throw new HttpError(400, 'A line of an import is a project of an export.')
}
