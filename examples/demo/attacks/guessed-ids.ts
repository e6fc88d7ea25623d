// Prisma merges findUnique calls of one tick into one statement. Whoever's binding that statement carries, the others
// would get rows from it.
import assert from 'node:assert/strict'
import { withTenant } from 'prisma-extension-tenancy'
import { ask } from '../http-client.js'
import { type Attack, rowsOf } from './attack.js'

const ROUNDS = 500
const REQUESTS = 100

const sameTick: Attack = {
  tried: `a guessed id, asked for in the tick in which its owner asks, ${ROUNDS} times`,
  async attempt(stage) {
    const { attacker, victim, inside } = stage
    const projects = await rowsOf(stage, victim, 'projects')
    for (let round = 0; round < ROUNDS; round++) {
      const id = projects[round % projects.length]?.id ?? ''
      const asks = (company: typeof victim) =>
        withTenant(company.id, () => inside.prisma.project.findUnique({ where: { id } }))
      // Whoever comes first decides in whose context the merged statement would be sent, so both do in turn.
      const companies = round % 2 === 0 ? [victim, attacker] : [attacker, victim]
      const answers = await Promise.all(companies.map(asks))
      const [owners, guessers] = round % 2 === 0 ? answers : answers.reverse()
      assert.equal(owners?.id, id, `round ${round}: the owner did not get its own row`)
      assert.equal(guessers, null, `round ${round}: the row was handed to ${attacker.name}`)
    }
    return 'the owner had the row every time, the other never'
  },
}

const manyIds: Attack = {
  tried: 'guessed ids among own ones, all in one tick',
  async attempt(stage) {
    const { attacker, victim, inside } = stage
    const own = await rowsOf(stage, attacker, 'tasks')
    const foreign = await rowsOf(stage, victim, 'tasks')
    const asked = own.slice(0, 50).flatMap((task, index) => [task.id, foreign[index]?.id ?? ''])
    const answers = await withTenant(attacker.id, () =>
      Promise.all(asked.map((id) => inside.prisma.task.findUnique({ where: { id } }))),
    )
    const found = answers.flatMap((task) => (task === null ? [] : [task.id]))
    assert.deepEqual(
      found,
      own.slice(0, 50).map(({ id }) => id),
    )
    return `${found.length} of ${asked.length} found: its own`
  },
}

const overHttp: Attack = {
  tried: `guessed ids over HTTP, beside their owner's requests, ${REQUESTS} at once`,
  async attempt(stage) {
    const { attacker, victim, service, tokenOf } = stage
    const projects = await rowsOf(stage, victim, 'projects')
    const statuses = await Promise.all(
      Array.from({ length: REQUESTS }, async (_, index) => {
        const path = `GET /projects/${projects[Math.floor(index / 2) % projects.length]?.id}` as const
        return (await ask(service, path, { token: tokenOf(index % 2 === 0 ? victim : attacker) })).status
      }),
    )
    statuses.forEach((status, index) => {
      assert.equal(status, index % 2 === 0 ? 200 : 404, `request ${index} was answered with ${status}`)
    })
    return '200 for the owner, 404 for the other'
  },
}

export const GUESSED_IDS = [sameTick, manyIds, overHttp]
