import type { RuntimeField } from '../../prisma-internals.js'
import { code } from '../client.js'
import { whereOf } from '../client-row.js'
import { onlyKey, relationsOf } from '../relations.js'
import type { Made } from '../rows.js'
import type { Selector } from '../selectors.js'
import { fieldOf } from '../targets.js'
import type { Trial } from '../trial.js'
import { type Attack, noModel } from './attack.js'
import { freshRow, sameValue } from './fresh-row.js'
import { isSet, named } from './read.js'
import { mayNot } from './write.js'

type Write = readonly [how: string, what: object, makes?: Made]

/** Writes on a's rows through b's own, from every relation that leads to such rows. */
export const nested: Attack = {
  name: 'nested',
  run: (trial) =>
    everyRelation(trial, async ({ field, theirs, selector, isList }) => {
      const { world } = trial
      const filter = whereOf(theirs) as object
      const data = sameValue(theirs) as object
      const where = named(theirs, selector)
      const writes: Write[] = isList
        ? [
            ['update', { update: { where, data } }],
            ['updateMany', { updateMany: { where: filter, data } }],
            ['delete', { delete: where }],
            ['deleteMany', { deleteMany: filter }],
            ['disconnect', { disconnect: where }],
          ]
        : []
      const key = onlyKey(theirs.target, trial.target)
      const tenantField = fieldOf(theirs.target, world.options.tenantColumn)
      if (isList && key && tenantField && !key.columns.includes(world.options.tenantColumn)) {
        const fresh = await freshRow(world, theirs.target, world.a)
        const create: Record<string, unknown> = { ...fresh.data }
        for (const column of key.columns) delete create[fieldOf(theirs.target, column)?.name ?? '']
        writes.push(['create', { create }, fresh.made])
      }
      const { may } = theirs.target.table
      const needs = (how: string) =>
        how.startsWith('delete') ? may.delete : how === 'create' ? may.insert : may.update
      for (const [how, what, makes] of writes.filter(([how]) => needs(how)))
        await write(trial, field, how, what, theirs, (answer) => !trial.reveals(answer, theirs), makes)
    }),
}

/** Ties a row of b's to one of a's. */
export const connect: Attack = {
  name: 'connect',
  run: (trial) =>
    everyRelation(trial, async ({ field, theirs, selector, isList }) => {
      const where = named(theirs, selector)
      await write(trial, field, 'connect', { connect: where }, theirs, () => false)
      // What is set and not there is left out, without a word.
      if (isList) await write(trial, field, 'set', { set: [where] }, theirs, (answer) => !trial.reveals(answer, theirs))
    }),
}

interface Aim {
  readonly field: RuntimeField
  readonly isList: boolean
  readonly theirs: Made
  readonly selector: Selector
}

async function everyRelation(trial: Trial, aim: (aim: Aim) => Promise<void>): Promise<string | undefined> {
  const { world, target } = trial
  if (!target.model) return noModel
  if (!target.table.may.update) return mayNot(world.catalog.role.name, 'UPDATE')
  for (const { field, target: other, isList } of await relationsOf(world, target)) {
    if (other.kind === 'view') continue
    const theirs = world.row(other, world.a)
    const selector = (await world.selectors(other)).find((each) => isSet(theirs, each))
    if (selector && sameValue(theirs)) await aim({ field, isList, theirs, selector })
  }
  return trial.tried === 0 ? 'it has no relation through which Prisma could' : undefined
}

async function write(
  trial: Trial,
  field: RuntimeField,
  how: string,
  what: object,
  theirs: Made,
  harmless: (answer: unknown) => boolean,
  makes?: Made,
): Promise<void> {
  const { world, target, b } = trial
  const selector = (await world.selectors(target)).find((each) => isSet(b, each))
  if (!selector || !target.model) return
  const args = { where: named(b, selector), data: { [field.name]: what }, select: { [field.name]: true } }
  const call = { model: target.model.delegate, method: 'update', args }
  const outcome = await (makes ? world.making(makes, () => world.outcome(world.b, call)) : world.outcome(world.b, call))
  // Prisma has no such write on this relation: a required one cannot be disconnected.
  if ('failed' in outcome && outcome.failed.name === 'PrismaClientValidationError') return
  const rows = [theirs, b]
  const sentence = `writes to a row of ${theirs.target.name} of tenant a's through ${field.name}.${how}`
  await trial.refused(
    world.b,
    { run: () => replay(outcome), text: textOf(call) },
    {
      what: sentence,
      accept: [
        'no row',
        'policy',
        'relation',
        'foreign key',
        ...(how === 'disconnect' || how === 'set' ? (['not null'] as const) : []),
      ],
      harmless: async (answer) => harmless(answer) && (await isIntact(trial, theirs)),
      rows,
      about: theirs.target,
    },
  )
}

function textOf(call: { model: string; method: string; args: object }): string {
  return `prisma.${call.model}.${call.method}(${code(call.args)})`
}

async function replay(outcome: Awaited<ReturnType<Trial['outcome']>>): Promise<unknown> {
  if ('answer' in outcome) return outcome.answer
  throw 'error' in outcome ? outcome.error : outcome.failed
}

/** As its owner sees it, before and now. */
async function isIntact({ world }: Trial, made: Made): Promise<boolean> {
  const call = { model: made.target.model?.delegate as string, method: 'findFirst', args: { where: whereOf(made) } }
  const row = await world.must(world.a, call, `Tenant a cannot look for its row of ${made.target.name}`)
  return code(row) === code(made.row)
}
