import { code, type Step, show, textOfStep } from './client.js'
import type { Made, Side } from './rows.js'
import type { World } from './world.js'

/** TypeScript that makes the rows, with all that they refer to, and then takes the steps. `prisma` is the client. */
export function reproduction(
  world: World,
  rows: readonly Made[],
  steps: readonly (readonly [Side | undefined, Step])[],
): string {
  const wanted = new Set<Made>()
  const add = (made: Made): void => {
    if (wanted.has(made)) return
    made.parents.forEach(add)
    wanted.add(made)
  }
  rows.forEach(add)
  const as = world.asName
  return [
    ...(as === 'withTenant' ? ["import { withTenant } from 'prisma-extension-tenancy'", ''] : []),
    `const a = ${code(world.a.id)}`,
    `const b = ${code(world.b.id)}`,
    ...[...wanted].map(({ side, insert }) => `await ${as}(${side.name}, ${world.fn} => ${show(insert)})`),
    ...steps.map(([side, step]) =>
      side ? `await ${as}(${side.name}, ${world.fn} => ${textOfStep(step)})` : `await ${textOfStep(step)}`,
    ),
  ].join('\n')
}
