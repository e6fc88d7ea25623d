import { runInScope } from '../context.js'
import { quoteIdentifier } from '../sql/quote.js'
import type { Catalog, ForeignKey } from './catalog.js'
import { type Call, perform, type RunAs, type Step, type TestedClient } from './client.js'
import { fromText, type Row, whereOf } from './client-row.js'
import { lastLine, type Outcome, outcomeOf, unproven } from './outcome.js'
import {
  insertRow,
  keyColumns,
  type Made,
  newValues,
  ROWS,
  type RowOptions,
  rowIs,
  type Side,
  sqlName,
} from './rows.js'
import { type Selector, selectorsOf } from './selectors.js'
import { fieldOf, isRequired, type Target } from './targets.js'

/** What a foreign key can refer to; `made` where the kit made it. */
interface Parent {
  readonly values: Readonly<Record<string, string | null>>
  readonly made?: Made
}

export interface Proposal {
  readonly values: Readonly<Record<string, string | null>>
  readonly parents: readonly Made[]
}

/** A read that the service has, and whether it showed tenant a a row of its own. */
export interface GivenRead {
  readonly step: Step
  shown?: boolean
}

/** Two tenants with rows of their own, and what is done as one of them. */
export class World {
  readonly a: Side
  readonly b: Side
  readonly catalog: Catalog
  readonly targets: readonly Target[]
  readonly options: RowOptions
  reads: readonly GivenRead[] = []
  readonly #prisma: TestedClient
  readonly #as: RunAs
  readonly #made: Made[] = []
  readonly #shared = new Map<string, Readonly<Record<string, string | null>>[]>()
  readonly #notes = new Map<string, Set<string>>()
  readonly #viewRows = new Map<Target, Promise<Made | undefined>>()
  readonly #identities = new Map<Side, Set<string>>()
  readonly #selectors = new Map<Target, Promise<readonly Selector[]>>()
  /** Rows that attacks made. */
  readonly #strays: Made[] = []
  /** Those of them that could not be removed at once. */
  readonly #lost: Made[] = []

  constructor(
    prisma: TestedClient,
    as: RunAs,
    sides: readonly [Side, Side],
    catalog: Catalog,
    targets: readonly Target[],
    options: RowOptions,
  ) {
    this.#prisma = prisma
    this.#as = as
    ;[this.a, this.b] = sides
    this.catalog = catalog
    this.targets = targets
    this.options = options
  }

  /** What a reproduction calls `as`, and the head of the function that it hands over. */
  asName = 'withTenant'
  fn = '()'

  get prisma(): TestedClient {
    return this.#prisma
  }

  /** Runs `fn` as the tenant, with the client that `as` hands out. */
  async as<T>(side: Side, fn: (client: TestedClient) => PromiseLike<T>): Promise<T> {
    let answer: { value: T } | undefined
    await this.#as(side.id, async (client) => {
      answer = { value: await fn((client as TestedClient | undefined) ?? this.#prisma) }
      return answer.value
    })
    if (!answer)
      throw unproven('The function as did not call what it was given.', 'as: (tenant, fn) => runAs(tenant, fn)')
    return answer.value
  }

  /** What a call by the tenant comes to; by nobody where there is no side. */
  outcome(side: Side | undefined, call: Call | ((client: TestedClient) => PromiseLike<unknown>)): Promise<Outcome> {
    const run = typeof call === 'function' ? call : (client: TestedClient) => perform(client, call)
    if (side) return outcomeOf(() => this.as(side, run))
    return runInScope(undefined, () => outcomeOf(() => run(this.#prisma)))
  }

  /** The tenant's answer; whatever else comes is the kit's failure. */
  async must(side: Side, call: Call, what: string): Promise<unknown> {
    const outcome = await this.outcome(side, call)
    if ('answer' in outcome) return outcome.answer
    const error = 'error' in outcome ? outcome.error : outcome.failed
    throw unproven(`${what}: ${lastLine(error)}`, 'Run the call as the tenant and see why it fails.', error)
  }

  rows(target: Target, side: Side): readonly Made[] {
    return this.#made.filter((made) => made.target === target && made.side === side)
  }

  /** The row that is attacked, or that attacks: the last, whose parents differ from the first's. */
  row(target: Target, side: Side): Made {
    const made = this.rows(target, side).at(-1)
    if (!made) throw new Error(`There is no row of ${target.name}.`)
    return made
  }

  get made(): readonly Made[] {
    return this.#made
  }

  /** Texts by which the tenant's rows are told in any answer: the values of their keys that are long enough to be theirs. */
  identity(side: Side): ReadonlySet<string> {
    let found = this.#identities.get(side)
    if (!found) {
      found = new Set()
      for (const { target, side: owner, values } of this.#made)
        if (owner === side) for (const text of this.#telling(target, values)) found.add(text)
      this.#identities.set(side, found)
    }
    return found
  }

  #telling({ table }: Target, values: Readonly<Record<string, string | null>>): string[] {
    const shared = table.foreignKeys.filter(({ parent }) => (this.targetOf(parent)?.kind ?? 'shared') === 'shared')
    const names = new Set(table.uniques.flatMap(({ columns }) => columns))
    for (const name of [this.options.tenantColumn, ...shared.flatMap(({ columns }) => columns)]) names.delete(name)
    return [...names].flatMap((name) => {
      const text = values[name]
      return text && (/^\d+$/.test(text) ? text.length >= 9 : text.length >= 8) ? [text] : []
    })
  }

  targetOf(oid: number): Target | undefined {
    return this.targets.find(({ table }) => table.oid === oid)
  }

  modelTarget(name: string): Target | undefined {
    return this.targets.find(({ model }) => model?.name === name)
  }

  /** Makes the rows of one table for a tenant. */
  async seed(target: Target, side: Side): Promise<void> {
    for (let n = 0; n < ROWS; n++) {
      const made = await this.as(side, async (client) => {
        const { values, parents } = await this.propose(client, target, side, n)
        return insertRow(client, target, side, values, parents)
      })
      this.#made.push(made)
      this.#identities.delete(side)
      const where = whereOf(made)
      if (target.model && where) made.row = await this.#readBack(made, where)
    }
  }

  /** Values for the n-th row of a tenant's, and the rows that it refers to. */
  async propose(client: TestedClient, target: Target, side: Side, n: number): Promise<Proposal> {
    const parents: Made[] = []
    const parentOf = async (key: ForeignKey, times: number) => {
      const parent = await this.parentOf(target, side, key, n + times, n)
      if (parent?.made) parents.push(parent.made)
      return parent?.values
    }
    return { values: await newValues(client, target, side, n, parentOf, this.options), parents }
  }

  /** Makes a row by the model's own create, where raw SQL could not: the call, if it could. */
  async createByModel(target: Target, side: Side): Promise<Call | undefined> {
    if (!target.model) return undefined
    const { values } = await this.as(side, (client) => this.propose(client, target, side, 0))
    const data: Record<string, unknown> = {}
    for (const [column, text] of Object.entries(values)) {
      const field = fieldOf(target, column)
      if (field && text !== null) data[field.name] = fromText(field.type, text)
    }
    const call: Call = { model: target.model.delegate, method: 'create', args: { data } }
    const made = { target, side, values: { ...nulls(target), ...values }, insert: call, parents: [] }
    const created = await this.making(made, () => this.outcome(side, call))
    return 'answer' in created ? call : undefined
  }

  /** The i-th row that a key can refer to: one of the tenant's own, or a shared one that is there already. */
  async parentOf(target: Target, side: Side, key: ForeignKey, i: number, n: number): Promise<Parent | undefined> {
    const parent = this.targetOf(key.parent)
    const own = (made: Made | undefined) => made && { values: made.values, made }
    if (parent === target) return own(this.rows(target, side)[n - 1])
    if (parent && parent.kind !== 'shared') {
      const rows = this.rows(parent, side)
      return own(rows[i % Math.max(rows.length, 1)])
    }
    const rows = await this.#sharedRows(side, key)
    if (rows.length === 0 && isRequired(target.table, key)) {
      const table = this.catalog.tables.find(({ oid }) => oid === key.parent)
      const name = parent?.name ?? (table ? sqlName(table) : key.name)
      throw unproven(
        `No row of ${target.name} can be made: it refers to ${name}, and tenant ${side.name} sees no row there.`,
        `Put a row into ${name} before, or give values for ${target.name}: values: { ${target.name}: { … } }.`,
      )
    }
    const values = rows[i % Math.max(rows.length, 1)]
    return values && { values }
  }

  async #sharedRows(side: Side, key: ForeignKey): Promise<Readonly<Record<string, string | null>>[]> {
    const table = this.catalog.tables.find(({ oid }) => oid === key.parent)
    if (!table?.may.select) return []
    const id = `${side.name} ${key.parent} ${key.parentColumns.join()}`
    let rows = this.#shared.get(id)
    if (!rows) {
      const columns = key.parentColumns.map((name) => `${quoteIdentifier(name)}::text`).join(', ')
      const present = key.parentColumns.map((name) => `${quoteIdentifier(name)} IS NOT NULL`).join(' AND ')
      const found = await this.as(side, (client) =>
        client.$queryRawUnsafe<{ row: string }[]>(
          `SELECT to_json(ARRAY[${columns}])::text AS row FROM ${sqlName(table)} WHERE ${present} LIMIT ${ROWS}`,
        ),
      )
      rows = found.map(({ row }) => {
        const texts = JSON.parse(row) as string[]
        return Object.fromEntries(key.parentColumns.map((name, i) => [name, texts[i] ?? null]))
      })
      this.#shared.set(id, rows)
    }
    return rows
  }

  async #readBack({ target, side }: Made, where: object): Promise<Row> {
    const call: Call = { model: target.model?.delegate as string, method: 'findFirst', args: { where } }
    const row = await this.must(side, call, `Tenant ${side.name} cannot read its own row of ${target.name}`)
    if (row) return row as Row
    throw unproven(
      `Tenant ${side.name} does not see the row of ${target.name} that was just made for it.`,
      `Is the column of the tenant "${this.options.tenantColumn}", does as() open the scope of the tenant that it is given, and has a client that answers reads, such as a read replica's, the tenancy extension?`,
    )
  }

  /** A row of a view in which something of tenant a's stands, as tenant a sees it. */
  viewRow(target: Target): Promise<Made | undefined> {
    let found = this.#viewRows.get(target)
    if (!found) {
      found = this.#findViewRow(target)
      this.#viewRows.set(target, found)
    }
    return found
  }

  async #findViewRow(target: Target): Promise<Made | undefined> {
    if (!target.model) return undefined
    const call: Call = { model: target.model.delegate, method: 'findMany' }
    const all = (await this.must(this.a, call, `Tenant a cannot read the view ${target.name}`)) as Row[]
    const identity = this.identity(this.a)
    const telling = (value: unknown) =>
      (typeof value === 'string' && (identity.has(value) || value.includes(this.a.tag))) ||
      ((typeof value === 'number' || typeof value === 'bigint') && identity.has(String(value)))
    for (const row of all) {
      const told = Object.entries(row).filter(([, value]) => telling(value))
      if (told.length === 0) continue
      const columns = told.map(([name]) => target.model?.fields.find((field) => field.name === name)?.column ?? name)
      const values = Object.fromEntries(told.map(([, value], i) => [columns[i] as string, String(value)]))
      return { target, side: this.a, values, insert: { query: '' }, parents: [], row, keys: columns }
    }
    return undefined
  }

  /** Every way in which the client's findUnique can name a row of the target. */
  selectors(target: Target): Promise<readonly Selector[]> {
    let found = this.#selectors.get(target)
    if (!found) {
      found = selectorsOf(this, target)
      this.#selectors.set(target, found)
    }
    return found
  }

  /** Is every row still its owner's, and refers to what it did? */
  async isIntact(): Promise<boolean> {
    for (const target of new Set(this.#made.map((made) => made.target))) {
      for (const side of [this.a, this.b]) {
        const rows = this.rows(target, side)
        const columns = target.table.foreignKeys.flatMap((key) => key.columns)
        const names = [...new Set([...rows.flatMap((made) => keyColumns(made)), ...columns])]
        const values: (string | null)[] = []
        const is = (made: Made) =>
          names
            .map((name) => {
              const type = target.table.columns.find((column) => column.name === name)?.type
              return `${quoteIdentifier(name)} IS NOT DISTINCT FROM $${values.push(made.values[name] ?? null)}::text::${type}`
            })
            .join(' AND ')
        const where = rows.map((made) => `(${is(made)})`).join(' OR ')
        const sql = `SELECT count(*)::int AS n FROM ${sqlName(target.table)} WHERE ${where}`
        const outcome = await this.outcome(side, { query: sql, values })
        if (!('answer' in outcome) || (outcome.answer as { n: number }[])[0]?.n !== rows.length) return false
      }
    }
    return true
  }

  /** Takes everything away and makes it anew: an attack that got through can have destroyed it. */
  async renew(): Promise<void> {
    await this.remove()
    await this.seedAll()
  }

  async seedAll(): Promise<void> {
    for (const side of [this.a, this.b]) {
      for (const target of this.targets)
        if (target.kind === 'tenant' || target.kind === 'child') await this.seed(target, side)
    }
  }

  /** Something to tell beside the matrix, gathered by kind. */
  note(kind: 'surrogate', name: string): void {
    const names = this.#notes.get(kind) ?? new Set()
    this.#notes.set(kind, names.add(name))
  }

  noted(kind: 'surrogate'): string[] {
    return [...(this.#notes.get(kind) ?? [])]
  }

  /** Runs what can make a row, which is removed with the attack that made it. */
  async making(made: Made, call: () => Promise<Outcome>): Promise<Outcome> {
    this.#strays.push(made)
    const outcome = await call()
    if (!('answer' in outcome)) this.#strays.splice(this.#strays.indexOf(made), 1)
    return outcome
  }

  /** Removes what attacks made: such rows have tenant a's values and would be taken for its rows. */
  async dropStrays(): Promise<void> {
    for (const made of this.#strays.splice(0).reverse()) {
      if ((await this.#delete(this.b, made)) !== 'gone' && (await this.#delete(this.a, made)) !== 'gone')
        this.#lost.push(made)
    }
  }

  /**
   * Removes every row that was made, children first, as either tenant: it can have moved. Answers what is left, each
   * with its reason.
   */
  async remove(): Promise<string[]> {
    const left = new Set<string>()
    await this.dropStrays()
    const order = new Map(this.targets.map((target, i) => [target, i]))
    const place = ({ target }: Made) => order.get(target) ?? 0
    // Last made, first removed: a row refers to what was there before it.
    let wanting = [...this.#made, ...this.#lost].reverse().sort((one, other) => place(other) - place(one))
    // A second time for rows that something else referred to.
    for (let pass = 0; pass < 2; pass++) {
      const again: Made[] = []
      for (const made of wanting) {
        const other = made.side === this.a ? this.b : this.a
        const first = await this.#delete(made.side, made)
        if (first === 'gone') continue
        const second = await this.#delete(other, made)
        // Neither sees it: it is gone already, or was never made.
        if (second === 'gone' || (first === 'unseen' && second === 'unseen')) continue
        again.push(made)
        if (pass === 1 && (await this.#isThere(made)))
          left.add(`${made.target.name}: ${first === 'unseen' ? second : first}`)
      }
      wanting = again
    }
    this.#made.length = 0
    this.#lost.length = 0
    this.#identities.clear()
    this.#viewRows.clear()
    return [...left]
  }

  /** Does either tenant still see it? A cascade can have taken what could not be removed. */
  async #isThere(made: Made): Promise<boolean> {
    const { condition, values } = rowIs(made)
    const query = `SELECT 1 AS one FROM ${sqlName(made.target.table)} WHERE ${condition}`
    for (const side of [this.a, this.b]) {
      const outcome = await this.outcome(side, { query, values })
      if (!('answer' in outcome) || (outcome.answer as unknown[]).length > 0) return true
    }
    return false
  }

  async #delete(side: Side, made: Made): Promise<string> {
    const { table } = made.target
    if (!table.may.delete) return `the role "${this.catalog.role.name}" may not delete there`
    const { condition, values } = rowIs(made)
    const outcome = await this.outcome(side, { execute: `DELETE FROM ${sqlName(table)} WHERE ${condition}`, values })
    if ('answer' in outcome) return outcome.answer === 0 ? 'unseen' : 'gone'
    return lastLine('error' in outcome ? outcome.error : outcome.failed)
  }
}

function nulls({ table }: Target): Record<string, null> {
  return Object.fromEntries(table.columns.map(({ name }) => [name, null]))
}
