import { type Call, type Step, textOfStep } from '../client.js'
import { whereOf } from '../client-row.js'
import { unproven } from '../outcome.js'
import { rowIs, sqlName } from '../rows.js'
import type { Trial } from '../trial.js'
import { type Attack, noModel } from './attack.js'
import { isSet, named } from './read.js'

const CAUSE =
  'The database hides it from raw SQL, so something else answered: a cache without the tenant in its keys (tenantKey(…)), or a second client, such as a read replica, without the tenancy extension.'

/** A cache can answer only from the second time on. */
const WARM_UP = 2

/** What an extension answers without asking this database: from a cache, or through a client of its own. */
export const otherSource: Attack = {
  name: 'cache replica',
  async run(trial) {
    const { world, target, a } = trial
    const { model } = target
    const where = whereOf(a)
    if (!model || !where) return noModel
    if (!(await isHiddenByDatabase(trial))) return "the database itself does not keep tenants apart here: see 'read'"
    const call = (method: string, args?: object): Call => ({ model: model.delegate, method, ...(args && { args }) })
    const selector = (await world.selectors(target)).find((each) => isSet(a, each))
    const reads: Call[] = [
      call('findMany', { where }),
      call('findFirst', { where, orderBy: Object.keys(where).map((field) => ({ [field]: 'asc' })) }),
      call('findMany', { take: 1000 }),
      ...(selector ? [call('findUnique', { where: named(a, selector) })] : []),
    ]
    for (const read of reads) await isItsOwn(trial, read, read !== reads[2])
    for (const read of world.reads) {
      if (await isItsOwn(trial, read.step, false)) read.shown = true
    }
    await isAnsweredAfterB(trial, call('findMany', { where: { AND: [where] } }))
    return undefined
  },
}

async function isHiddenByDatabase(trial: Trial): Promise<boolean> {
  const { world, target, a } = trial
  const { condition, values } = rowIs(a)
  const select: Call = { query: `SELECT 1 AS one FROM ${sqlName(target.table)} WHERE ${condition}`, values }
  const shows = async (side: typeof world.a) => {
    const outcome = await world.outcome(side, select)
    return 'answer' in outcome && (outcome.answer as unknown[]).length > 0
  }
  return (await shows(world.a)) && !(await shows(world.b))
}

/** Tenant a's answer shows its row, and neither tenant b's nor nobody's does afterwards. */
async function isItsOwn(trial: Trial, read: Step, mustShow: boolean): Promise<boolean> {
  const { world, a } = trial
  for (let i = 0; i < WARM_UP; i++) {
    const own = await trial.outcome(world.a, read)
    if (!('answer' in own)) throw trial.failure(world.a, read, own)
    if (trial.reveals(own.answer)) continue
    if (!mustShow) return false
    throw unproven(
      `Tenant a is not shown its own row by ${textOfStep(read)}, and raw SQL shows it: something else than this database answers.`,
      'A read replica needs a client of its own with the tenancy extension, and a cache the tenant in its keys.',
    )
  }
  for (const side of [world.b, undefined]) {
    const other = await trial.outcome(side, read)
    if (!('answer' in other) || !trial.reveals(other.answer)) continue
    const who = side ? 'Tenant b' : 'A caller without a tenant in scope'
    throw trial.leak(
      `${who} is answered with what is of tenant a`,
      [a],
      [
        [world.a, read],
        [side, read],
      ],
      undefined,
      CAUSE,
    )
  }
  trial.tried += 1
  return true
}

/** What b was told, that there is nothing, is not what a is told. */
async function isAnsweredAfterB(trial: Trial, read: Call): Promise<void> {
  const { world, a } = trial
  for (let i = 0; i < WARM_UP; i++) await trial.outcome(world.b, read)
  const own = await trial.outcome(world.a, read)
  if (!('answer' in own)) throw trial.failure(world.a, read, own)
  if (!trial.reveals(own.answer))
    throw trial.leak(
      'Tenant a is answered with what tenant b asked before it',
      [a],
      [
        [world.b, read],
        [world.a, read],
      ],
      undefined,
      CAUSE,
    )
  trial.tried += 1
}
