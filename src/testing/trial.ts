import { code, type Step, textOfStep } from './client.js'
import type { Row } from './client-row.js'
import { likelyCause } from './likely-cause.js'
import { lastLine, type Outcome, type Refusal, unproven } from './outcome.js'
import { reproduction } from './reproduction.js'
import { keyColumns, type Made, type Side, sqlName } from './rows.js'
import type { Target } from './targets.js'
import type { World } from './world.js'

/** What one tenant got of another, and how to see it again. */
export interface Leak {
  /** The model, or the table where no model has it. */
  readonly model: string
  readonly attack: string
  /** What happened, in a sentence. */
  readonly what: string
  /** TypeScript that makes the row and then does it, for a database where both tenants are there. */
  readonly reproduction: string
  /** What the catalog says about the table that would explain it; the doctor knows more. */
  readonly cause: string
}

/** Ends an attack with the leak that it found. */
export class Leaked extends Error {
  constructor(readonly leak: Leak) {
    super(leak.what)
  }
}

/** One attack on one target: what was tried, and what came of it. */
export class Trial {
  readonly world: World
  readonly target: Target
  readonly attack: string
  /** Attempts that ended as they should. */
  tried = 0

  constructor(world: World, target: Target, attack: string) {
    this.world = world
    this.target = target
    this.attack = attack
  }

  get a(): Made {
    return this.world.row(this.target, this.world.a)
  }

  get b(): Made {
    return this.world.row(this.target, this.world.b)
  }

  outcome(side: Side | undefined, step: Step): Promise<Outcome> {
    return this.world.outcome(side, 'run' in step ? step.run : step)
  }

  /**
   * A read that answers tenant a with its row, and tenant b with nothing of it.
   *
   * @param shows whether an answer shows the row; by default, whether anything of tenant a's is in it
   * @returns false where a's own answer does not show the row, so that nothing would be proved
   */
  async hidden(
    step: Step,
    {
      shows = (answer) => this.reveals(answer),
      rows = [this.a],
      about = this.target,
    }: { shows?: (answer: unknown) => boolean; rows?: readonly Made[]; about?: Target } = {},
  ): Promise<boolean> {
    const own = await this.outcome(this.world.a, step)
    if ('failed' in own) throw this.failure(this.world.a, step, own)
    if (!('answer' in own) || !shows(own.answer)) return false
    await this.empty(this.world.b, step, { shows, rows, about })
    return true
  }

  /** A call that gives the tenant, or nobody, nothing of a's. */
  async empty(
    side: Side | undefined,
    step: Step,
    {
      shows = (answer: unknown) => this.reveals(answer),
      rows = [this.a],
      accept = ['no row', 'policy', 'grant', ...(side ? [] : (['no scope', 'empty setting'] as const))],
      about = this.target,
      what = side ? 'reads what is of tenant a' : 'what is of tenant a is read without any tenant in scope',
    }: {
      shows?: (answer: unknown) => boolean
      rows?: readonly Made[]
      accept?: readonly Refusal[]
      about?: Target
      what?: string
    } = {},
  ): Promise<void> {
    const outcome = await this.outcome(side, step)
    if ('failed' in outcome || ('refused' in outcome && !accept.includes(outcome.refused)))
      throw this.failure(side, step, outcome)
    if ('answer' in outcome && shows(outcome.answer))
      throw this.leak(side ? `Tenant ${side.name} ${what}` : upper(what), rows, [[side, step]], about)
    this.tried += 1
  }

  /**
   * A write on a's row, or one that would make one, which the database refuses.
   *
   * @param passed refusals that a row meets only after the policy let it pass: a leak, although nothing was written
   * @param harmless whether an answer is one without any effect
   */
  async refused(
    side: Side,
    step: Step,
    {
      accept = ['no row', 'policy'],
      passed = [],
      harmless = isNothing,
      rows = [this.a],
      makes,
      about = this.target,
      what,
    }: {
      accept?: readonly Refusal[]
      passed?: readonly Refusal[]
      harmless?: (answer: unknown) => boolean | Promise<boolean>
      rows?: readonly Made[]
      /** The row that would be there if it were not refused. */
      makes?: Made
      about?: Target
      what: string
    },
  ): Promise<Outcome> {
    const outcome = await (makes ? this.world.making(makes, () => this.outcome(side, step)) : this.outcome(side, step))
    if ('refused' in outcome && passed.includes(outcome.refused)) {
      const how = `${what}: the policy lets it pass, and only a constraint (${outcome.refused}) stops this one`
      throw this.leak(`Tenant ${side.name} ${how}`, rows, [[side, step]], about)
    }
    if ('answer' in outcome ? !(await harmless(outcome.answer)) : false)
      throw this.leak(`Tenant ${side.name} ${what}`, rows, [[side, step]], about)
    if ('failed' in outcome || ('refused' in outcome && !accept.includes(outcome.refused)))
      throw this.failure(side, step, outcome)
    this.tried += 1
    return outcome
  }

  /** Is anything in the answer that only tenant a has: a key, or a text that was made for it? */
  reveals(answer: unknown, made?: Made): boolean {
    const identity = this.world.identity(this.world.a)
    const tag = this.world.a.tag
    const inside = (value: unknown, depth = 0): boolean => {
      if (typeof value === 'string') return value.includes(tag) || identity.has(value)
      if (typeof value === 'number' || typeof value === 'bigint') return identity.has(String(value))
      if (
        typeof value !== 'object' ||
        value === null ||
        depth > 8 ||
        value instanceof Uint8Array ||
        value instanceof Date
      )
        return false
      return Object.values(value).some((each) => inside(each, depth + 1))
    }
    if (inside(answer)) return true
    const key = made ?? (this.target.kind === 'view' || this.target.kind === 'shared' ? undefined : this.a)
    return key?.row !== undefined && [answer].flat().some((row) => isSameRow(row, key))
  }

  /** `about`: whose table it is that is not closed, where that is another. `cause`: where the catalog does not tell. */
  leak(
    what: string,
    rows: readonly Made[],
    steps: readonly (readonly [Side | undefined, Step])[],
    about: Target = this.target,
    cause = likelyCause(this.world, about),
  ): Leaked {
    return new Leaked({
      model: this.target.name,
      attack: this.attack,
      what: `${what} (${this.target.name}).`,
      reproduction: reproduction(this.world, rows, steps),
      cause,
    })
  }

  /** Neither an answer nor a refusal: nothing is proved, and whoever runs the kit is told what to change. */
  failure(side: Side | undefined, step: Step, outcome: Outcome): Error {
    const error = 'failed' in outcome ? outcome.failed : 'error' in outcome ? outcome.error : new Error('An answer.')
    const who = side ? `tenant ${side.name}` : 'nobody'
    const refused = 'refused' in outcome ? outcome.refused : undefined
    const hints: Partial<Record<Refusal, string>> = {
      grant: `GRANT what the service does on ${sqlName(this.target.table)} to the role "${this.world.catalog.role.name}", or leave the model out: skip: { ${this.target.name}: 'why' }.`,
      check: `Give values that satisfy the constraint: values: { ${this.target.name}: { … } }.`,
      'not null': `Give values for ${this.target.name}: values: { ${this.target.name}: { … } }.`,
    }
    return unproven(
      `The attack '${this.attack}' on ${this.target.name} proves nothing: as ${who}, ${textOfStep(step).slice(0, 300)} fails with: ${lastLine(error)}`,
      (refused && hints[refused]) ??
        `Run that call as ${who} and see why it fails. If it cannot work in this project: skip: { ${this.target.name}: 'why' }.`,
      error,
    )
  }
}

/** The answers of Prisma that say that there was nothing to write. */
export function isNothing(answer: unknown): boolean {
  if (answer === null || answer === undefined || answer === 0) return true
  if (Array.isArray(answer)) return answer.length === 0
  return typeof answer === 'object' && 'count' in answer && (answer as { count: unknown }).count === 0
}

function isSameRow(row: unknown, made: Made): boolean {
  if (typeof row !== 'object' || row === null) return false
  const fields = keyColumns(made).map(
    (column) => made.target.model?.fields.find((field) => field.column === column)?.name,
  )
  return fields.every(
    (field) =>
      field !== undefined && (row as Row)[field] !== undefined && code((row as Row)[field]) === code(made.row?.[field]),
  )
}

function upper(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
