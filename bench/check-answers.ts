// A contestant that answers wrongly is not faster: before anything is measured, everybody must answer what bare Prisma does.
import { isDeepStrictEqual } from 'node:util'

import type { Contestant } from './contestants.js'
import type { Tenant } from './databases.js'
import { CREATED, type OperationName, operations } from './operations.js'

export async function checkAnswers(
  contestants: readonly Contestant[],
  names: readonly OperationName[],
  tenant: Tenant,
): Promise<void> {
  for (const name of names) {
    let expected: unknown
    for (const contestant of contestants) {
      const answer = comparable(await contestant.turn(tenant, 1, operations[name]))
      if (name === 'transaction') dropFirst(answer as unknown[], 3)
      expected ??= answer
      if (answer === null || !isDeepStrictEqual(answer, expected))
        throw new Error(`${contestant.name} does not answer ${name} as ${contestants[0]?.name} does.`)
    }
  }
}

/** What is new in every row that is created, made equal. */
function comparable(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (_key, value) =>
    value?.name?.startsWith?.(CREATED) ? { tenantId: value.tenantId, budget: value.budget } : value,
  )
}

/** The array form also answers for the statement that sets the tenant. */
function dropFirst(answers: unknown[], wanted: number): void {
  answers.splice(0, answers.length - wanted)
}
