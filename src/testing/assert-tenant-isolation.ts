import { letDatabaseAnswer } from '../database-answers.js'
import { TenancyError, withoutHint } from '../errors.js'
import { attacks } from './attacks/all.js'
import type { Attack } from './attacks/attack.js'
import { show, textOfStep } from './client.js'
import { IsolationError } from './isolation-error.js'
import { type Cell, formatMatrix, type IsolationMatrix } from './matrix.js'
import { openWorld } from './open-world.js'
import { type CheckedOptions, checkOptions, type IsolationOptions } from './options.js'
import { lastLine, unproven } from './outcome.js'
import { CannotInsert, sqlName } from './rows.js'
import type { Target } from './targets.js'
import { Leaked, Trial } from './trial.js'
import type { World } from './world.js'

/**
 * Attacks one tenant's rows as another, through every model of the client and against a real database, and throws with
 * the first leak.
 *
 * It finds what belongs to tenants from the client and the catalog, makes rows for both tenants, and tries as tenant b
 * to read, count, load, change, delete, make, move and tie what is tenant a's: through the client, through raw SQL, in
 * transactions, after errors, in one tick with tenant a and with no scope at all. An attempt counts as held only where
 * tenant a itself is shown the row, and b's attempt ended with nothing or with the database's own refusal. All that it
 * made it removes, also after a throw.
 *
 * Give it the client that the service uses, logged in as the service's role, on a database for tests. It runs under any
 * test runner, or none.
 *
 * @returns the matrix of models × attacks
 * @throws IsolationError the first leak, with TypeScript that shows it again; `error.matrix` has all of them
 * @throws TenancyError `ISOLATION.UNPROVEN`: something could not be tried, so that nothing is proved: rows that cannot be
 * made, a missing grant; the hint says what to give. `CONFIG.INVALID`: unknown options, or no model belongs to a tenant
 * @example
 * test('tenants are apart', async () => {
 *   await assertTenantIsolation(prisma, { tenants: [a, b] })
 * })
 */
export async function assertTenantIsolation(prisma: object, options: IsolationOptions): Promise<IsolationMatrix> {
  const checked = checkOptions(options)
  // The policies are to be proved, and not what the client knows before it asks them.
  return letDatabaseAnswer(() => proveIsolation(prisma, checked))
}

async function proveIsolation(prisma: object, checked: CheckedOptions): Promise<IsolationMatrix> {
  const started = performance.now()
  const { world, notes } = await openWorld(prisma, checked)
  const cells: Record<string, Record<string, Cell>> = {}
  const unproved: TenancyError[] = []
  let cleaned: string[] | undefined
  try {
    await seedOrLeak(world)
    const targets = attacked(world, checked)
    for (const { name } of targets) cells[name] = {}
    // Attack by attack: what is simply open to read is told before what follows from it elsewhere.
    for (const attack of attacks) {
      for (const target of targets)
        (cells[target.name] as Record<string, Cell>)[attack.name] = await tryOn(world, target, attack, unproved)
    }
    for (const { shown, step } of world.reads) if (!shown) unproved.push(showsNothing(textOfStep(step)))
  } catch (error) {
    if (!(error instanceof Leaked)) throw error
    const { leak } = error
    cells[leak.model] = { ...cells[leak.model], [leak.attack]: { outcome: 'leaked', tried: 0, leak } }
  } finally {
    cleaned = await world.remove().catch((error: Error) => [lastLine(error)])
  }
  const surrogates = world.noted('surrogate')
  if (surrogates.length > 0) {
    notes.push(
      `generated ids are unique across tenants, so guessing one reveals that it exists: ${surrogates.join(', ')}`,
    )
  }
  const owned = attacked(world, checked).filter(
    ({ table, kind }) => table.owned && (kind === 'tenant' || kind === 'child'),
  )
  if (owned.length > 0) {
    notes.push(
      `the role "${world.catalog.role.name}" owns ${owned.length} of the tables: it can TRUNCATE them and switch their policies off; a service should own nothing`,
    )
  }
  notes.push(...cleaned.map((why) => `rows were left behind: ${why}`))
  const leaks = attacks.flatMap(({ name }) => Object.values(cells).flatMap((row) => row[name]?.leak ?? []))
  const matrix: IsolationMatrix = {
    cells,
    attacks: attacks.map(({ name }) => name),
    leaks,
    notes,
    role: world.catalog.role.name,
    milliseconds: Math.round(performance.now() - started),
  }
  checked.print(formatMatrix(matrix))
  // A leak is worse than what could not be tried.
  if (leaks[0]) throw new IsolationError(matrix, leaks[0])
  if (unproved[0]) throw unproved[0]
  return matrix
}

function showsNothing(text: string): TenancyError {
  return unproven(
    `One of reads shows tenant a none of its rows, and so proves nothing: ${text.slice(0, 300)}.`,
    'Read what tenant a has rows of: reads: [(prisma) => prisma.project.findMany()].',
  )
}

function attacked(world: World, { models, skip }: CheckedOptions): Target[] {
  return world.targets.filter(({ name }) => !(name in skip) && (!models || models.includes(name)))
}

/** Raw SQL that is not bound shows as soon as the first row is made by it: a model's create can, and it cannot. */
async function seedOrLeak(world: World): Promise<void> {
  try {
    await world.seedAll()
  } catch (error) {
    if (!(error instanceof CannotInsert)) throw error
    throw await explain(world, error)
  }
}

async function explain(world: World, { target, side, cause, call }: CannotInsert): Promise<Error> {
  const trial = new Trial(world, target, 'raw SQL')
  const created = await world.createByModel(target, side)
  if (created) {
    return trial.leak(
      `Raw SQL is not bound to the tenant: the database refuses a row of its own to tenant ${side.name}, which ${show(created)} makes`,
      [],
      [[side, call]],
    )
  }
  return unproven(
    `Tenant ${side.name} may not make a row of its own in ${target.name}: ${lastLine(cause)}`,
    `Does as() open the scope of the tenant that it is given, and does the policy of ${sqlName(target.table)} read the same setting?`,
    cause,
  )
}

/** How often everything is made anew after an attack that got through, before the rest is left untried. */
const RENEWALS = 4
const renewals = new WeakMap<World, number>()

async function tryOn(world: World, target: Target, attack: Attack, unproved: TenancyError[]): Promise<Cell> {
  const notApplicable = (reason: string, tried = 0): Cell => ({ outcome: 'not applicable', tried, reason })
  if (!(attack.on ?? ['tenant', 'child']).includes(target.kind)) {
    return notApplicable(`it is ${target.kind === 'view' ? 'a view' : 'shared'}`)
  }
  if ((renewals.get(world) ?? 0) > RENEWALS) return notApplicable('not tried: attacks before it had destroyed too much')
  const trial = new Trial(world, target, attack.name)
  try {
    const reason = await attack.run(trial).finally(() => world.dropStrays())
    if (reason !== undefined || trial.tried === 0)
      return notApplicable(reason ?? 'there was nothing to try', trial.tried)
    return { outcome: 'held', tried: trial.tried }
  } catch (error) {
    if (error instanceof TenancyError && error.code === 'ISOLATION.UNPROVEN') {
      unproved.push(error)
      return notApplicable(`nothing is proved: ${withoutHint(error)}`, trial.tried)
    }
    if (!(error instanceof Leaked)) throw error
    if (!(await world.isIntact())) {
      renewals.set(world, (renewals.get(world) ?? 0) + 1)
      await world.renew()
    }
    return { outcome: 'leaked', tried: trial.tried, leak: error.leak }
  }
}
