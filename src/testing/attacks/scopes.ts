import type { Call } from '../client.js'
import { perform, type Step, show, type TestedClient } from '../client.js'
import { whereOf } from '../client-row.js'
import type { Outcome } from '../outcome.js'
import { insertOf, rowIs, sqlName } from '../rows.js'
import type { Trial } from '../trial.js'
import { type Attack, noModel } from './attack.js'
import { freshRow, sameValue } from './fresh-row.js'
import { isSet, named } from './read.js'

/** Who asks first changes from round to round, and every third is an array transaction. */
const ROUNDS = 3

/** Both tenants ask for a's row in one tick: Prisma merges such requests and sends them as whoever came first. */
export const race: Attack = {
  name: 'race',
  async run(trial) {
    const { world, target, a } = trial
    const { model } = target
    const selector = (await world.selectors(target)).find((each) => isSet(a, each))
    if (!model || !selector) return noModel
    const where = named(a, selector)
    const call: Call = { model: model.delegate, method: 'findUnique', args: { where } }
    const array: Step = {
      run: (client) => client.$transaction([perform(client, call), perform(client, call)]),
      text: `prisma.$transaction([${show(call)}, ${show(call)}])`,
    }
    for (let round = 0; round < ROUNDS; round++) {
      const step: Step = round % 3 === 2 ? array : call
      // Who asks first decides whose context Prisma sends from.
      const sides = round % 2 === 0 ? [world.a, world.b] : [world.b, world.a]
      const outcomes = await Promise.all([...sides, ...sides].map((side) => trial.outcome(side, step)))
      for (const [i, outcome] of outcomes.entries()) {
        const side = sides[i % 2]
        if (!('answer' in outcome)) throw trial.failure(side, step, outcome)
        const answers = [outcome.answer].flat()
        const shown = answers.filter((answer) => trial.reveals(answer)).length
        const expected = side === world.a ? answers.length : 0
        if (shown === expected) continue
        const what =
          side === world.b
            ? "Tenant b receives tenant a's row, when both ask in the same tick"
            : 'Tenant a does not receive its own row, when both ask in the same tick: it was asked for as tenant b'
        throw trial.leak(what, [a], [[undefined, together(trial, sides, step)]])
      }
      trial.tried += 1
    }
    return undefined
  },
}

function together({ world }: Trial, sides: readonly { readonly name: string }[], step: Step): Step {
  const text = 'run' in step ? step.text : show(step)
  const each = [...sides, ...sides].map(({ name }) => `${world.asName}(${name}, ${world.fn} => ${text})`)
  return { run: async () => undefined, text: `Promise.all([\n  ${each.join(',\n  ')},\n])` }
}

/** Nobody's statements: without a scope there is nothing to see and nothing to write. */
export const noScope: Attack = {
  name: 'no scope',
  async run(trial) {
    const { target, a } = trial
    const { condition, values } = rowIs(a)
    const some = (answer: unknown) => (answer as unknown[]).length > 0
    await trial.empty(
      undefined,
      { query: `SELECT to_json(t)::text AS row FROM ${sqlName(target.table)} AS t WHERE ${condition}`, values },
      { shows: some },
    )
    const where = whereOf(a)
    const data = sameValue(a)
    if (target.model && where) {
      const model = target.model.delegate
      await trial.empty(undefined, { model, method: 'findMany', args: { where } })
      if (data && target.table.may.update) {
        const touched = (answer: unknown) => (answer as { count: number }).count > 0
        await trial.empty(
          undefined,
          { model, method: 'updateMany', args: { where, data } },
          { shows: touched, what: "what is tenant a's is written without any tenant in scope" },
        )
      }
    }
    return undefined
  },
}

/** In transactions that the service opens itself, and in both kinds. */
export const transaction: Attack = {
  name: 'transaction',
  async run(trial) {
    const { a, target } = trial
    const where = whereOf(a)
    const { model } = target
    if (!model || !where) return noModel
    const find: Call = { model: model.delegate, method: 'findMany', args: { where } }
    const steps: Step[] = [
      { run: (client) => client.$transaction([perform(client, find)]), text: `prisma.$transaction([${show(find)}])` },
      {
        run: (client) =>
          client.$transaction(async (tx: TestedClient) => [await perform(tx, find), await perform(tx, find)]),
        text: `prisma.$transaction(async (tx) => [${show(find).replace('prisma.', 'await tx.')}, ${show(find).replace('prisma.', 'await tx.')}])`,
      },
    ]
    for (const step of steps) {
      if (await trial.hidden(step)) continue
      throw trial.leak(
        'Tenant a does not see its own row inside $transaction, which is not bound to it',
        [a],
        [[trial.world.a, step]],
      )
    }
    return undefined
  },
}

/** As many as a pool has by default and two more, so that each of its connections is met; fewer once that was shown. */
const CONNECTIONS = 12
const LATER = 1

/** Statements that fail must not take the binding with them, nor leave it behind. */
export const afterError: Attack = {
  name: 'after error',
  async run(trial) {
    const { world, target, a } = trial
    const where = whereOf(a)
    const { model } = target
    if (!model || !where) return noModel
    const duplicate = await freshRow(world, target, world.a)
    const { sql, values } = insertOf(target.table, { ...duplicate.values, ...pick(a.values, target.table.primaryKey) })
    const failing: Call[] = [{ query: 'SELECT 1 / 0 AS fails' }, { execute: sql, values }]
    const find: Call = { model: model.delegate, method: 'findMany', args: { where } }
    const connections =
      target === world.targets.find((each) => each.model && each.kind === 'tenant') ? CONNECTIONS : LATER
    const many = (call: () => Promise<Outcome>) => Promise.all(Array.from({ length: connections }, call))
    const showMany = (text: string) => `Promise.all(Array.from({ length: ${connections} }, () => ${text}))`
    for (const fails of failing) {
      const alone: Step = {
        run: async (client) => void (await Promise.resolve(perform(client, fails)).catch(() => undefined)),
        text: `${show(fails)}.then(null, () => undefined)`,
      }
      const followed: Step = {
        run: async (client) => {
          await Promise.resolve(perform(client, fails)).catch(() => undefined)
          return perform(client, find)
        },
        text: `${show(fails)}.then(null, () => ${show(find)})`,
      }
      await many(() => trial.outcome(world.a, alone))
      // Whoever gets the same connections next: nobody first, since a scope binds them anew.
      for (const next of [undefined, world.b]) {
        const seen = (await many(() => trial.outcome(next, find))).find(
          (each) => 'answer' in each && trial.reveals(each.answer),
        )
        if (!seen) continue
        throw trial.leak(
          `${next ? 'Tenant b' : 'A caller without a tenant in scope'} sees tenant a's row after a statement of tenant a's failed`,
          [a],
          [
            [world.a, { ...alone, text: showMany(alone.text) }],
            [next, { ...alone, text: showMany(show(find)) }],
          ],
        )
      }
      for (const side of [world.a, world.b]) {
        for (const outcome of await many(() => trial.outcome(side, followed))) {
          if ('refused' in outcome && outcome.refused === 'aborted') continue
          if (!('answer' in outcome)) throw trial.failure(side, followed, outcome)
          const sees = trial.reveals(outcome.answer)
          if (sees === (side === world.a)) continue
          const what = sees
            ? "Tenant b sees tenant a's row after a statement of its own failed"
            : 'Tenant a does not see its own row after a statement of its own failed: what follows is not bound to it'
          throw trial.leak(what, [a], [[side, followed]])
        }
      }
      trial.tried += 1
    }
    return undefined
  },
}

function pick(
  values: Readonly<Record<string, string | null>>,
  names: readonly string[],
): Record<string, string | null> {
  return Object.fromEntries(names.map((name) => [name, values[name] ?? null]))
}
