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
  const made = [...wanted].map(({ side, insert }) => `await ${as}(${side.name}, ${world.fn} => ${show(insert)})`)
  const taken = steps.map(([side, step]) => {
    const text = textOfStep(step)
    if (side === undefined) return `await ${text}`
    const call = `${as}(${side.name}, ${world.fn} => ${text})`
    const other = side.name === world.a.name ? world.b : world.a
    // Our client refuses to name another tenant before the database is asked, and raw SQL does not.
    return as === 'withTenant' && text.includes(code(other.id))
      ? `await letDatabaseAnswer(() => ${call})`
      : `await ${call}`
  })
  const imports = [
    ...(as === 'withTenant' ? ["import { withTenant } from 'prisma-extension-tenancy'"] : []),
    ...(taken.some((line) => line.includes('letDatabaseAnswer('))
      ? ["import { letDatabaseAnswer } from 'prisma-extension-tenancy/testing'"]
      : []),
  ]
  return [
    ...imports,
    ...(imports.length > 0 ? [''] : []),
    `const a = ${code(world.a.id)}`,
    `const b = ${code(world.b.id)}`,
    ...made,
    ...taken,
  ].join('\n')
}
