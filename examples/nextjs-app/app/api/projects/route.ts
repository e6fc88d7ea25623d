import { answerTo } from '../../../../http-service/http-error.js'
import { type JsonBody, textOf } from '../../../../http-service/json-body.js'
import { prisma } from '../../../server.js'
import { route } from '../../../tenant.js'

/** The same projects, for programs: who names no company gets 400, and who names another's gets 403. */
export const GET = route(async () => {
  return Response.json(await prisma.project.findMany({ orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: 50 }))
})

export const POST = route(async (request) => {
  try {
    const data = { name: textOf((await request.json()) as JsonBody, 'name') }
    return Response.json(await prisma.project.create({ data }), { status: 201 })
  } catch (error) {
    const { status, message } = answerTo(error)
    if (status === 500) console.error(error)
    return Response.json({ error: message }, { status })
  }
})
