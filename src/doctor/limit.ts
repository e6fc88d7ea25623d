import type { Column, Oid } from './catalog.js'
import { booleanOf, type ColumnExpression, type Expression, partsOf, type Query, textOf, walk } from './expression.js'
import type { Limit } from './facts.js'
import {
  asksForRole,
  type Comparison,
  isSystemFunction,
  type SourceWords,
  sourceOf,
  tenantFunction,
} from './tenant-source.js'

/** What is needed to judge expressions. */
export interface LimitWords extends SourceWords {
  readonly appRole: string
  tenantColumn(relation: Oid): Column | undefined
  /** What the app role sees of a table that a policy's subquery reads. */
  visible(relation: Oid): Limit
  /** Do these columns hold a whole key, so that they name one row at most? */
  isKey(relation: Oid, columns: ReadonlySet<number>): boolean
}

/** The row that is judged: where its table stands, seen from the expression. */
interface Row {
  readonly relation: Oid
  /** How many subqueries further in the expression stands. */
  readonly level: number
  readonly source: number
}

/** Which rows of a table an expression of its policy lets through, as far as its form tells. */
export function limitOf(expression: Expression, relation: Oid, words: LimitWords): Limit {
  return new Judge(words, false).limit(expression, ownRow(relation))
}

/** Is there a row without a tenant that everybody gets? */
export function letsNobodysRowsThrough(expression: Expression, relation: Oid, words: LimitWords): boolean {
  if (words.tenantColumn(relation)?.notNull !== false) return false
  return new Judge(words, true).limit(expression, ownRow(relation)) === 'open'
}

/** Every comparison of the table's own tenant column with the tenant in scope. */
export function comparisonsIn(expression: Expression, relation: Oid, words: LimitWords): Comparison[] {
  const judge = new Judge(words, false)
  return [...walk(expression)].flatMap(
    ({ at, depth }) => judge.comparison(at, { ...ownRow(relation), level: depth }) ?? [],
  )
}

/** Is one of its conditions limited, whatever else there is beside it? */
export function hasLimitedPart(expression: Expression, relation: Oid, words: LimitWords): boolean {
  if (limitOf(expression, relation, words) === 'tenant') return true
  return partsOf(expression).some((part) => hasLimitedPart(part, relation, words))
}

export function mentionsTenant(expression: Expression, relation: Oid, words: LimitWords): boolean {
  const number = words.tenantColumn(relation)?.number
  return [...walk(expression)].some(
    ({ at, depth }) => at.kind === 'column' && at.level === depth && at.source === 1 && at.number === number,
  )
}

const ownRow = (relation: Oid): Row => ({ relation, level: 0, source: 1 })

// What an AND lets through is at most what its best part does, what an OR does at least what its worst does.
const order: readonly Limit[] = ['nothing', 'tenant', 'opaque', 'open']

export function bestOf(limits: readonly Limit[]): Limit {
  return order.find((limit) => limits.includes(limit)) ?? 'open'
}

export function worstOf(limits: readonly Limit[]): Limit {
  return order.findLast((limit) => limits.includes(limit)) ?? 'nothing'
}

class Judge {
  readonly #words: LimitWords
  /** Does a row without a tenant count as another's? */
  readonly #nobodyCounts: boolean

  constructor(words: LimitWords, nobodyCounts: boolean) {
    this.#words = words
    this.#nobodyCounts = nobodyCounts
  }

  limit(expression: Expression, row: Row): Limit {
    const constant = booleanOf(expression)
    if (constant !== undefined) return constant ? 'open' : 'nothing'
    switch (expression.kind) {
      case 'and':
        return bestOf(this.#each(expression.arguments, row))
      case 'or':
      case 'coalesce':
        // Any argument of coalesce can be the one that answers.
        return worstOf(this.#each(expression.arguments, row))
      case 'case': {
        const branches = expression.branches.map(({ when, result }) =>
          bestOf([expression.subject ? 'open' : this.limit(when, row), this.limit(result, row)]),
        )
        return worstOf([...branches, this.limit(expression.otherwise, row)])
      }
      case 'cast':
        return this.limit(expression.argument, row)
      case 'is true':
        return expression.when === 'true' ? this.limit(expression.argument, row) : this.#atom(expression, row)
      case 'not':
        return this.#negated(expression.argument, row)
      case 'null test':
        return this.#nullTest(expression, row)
      case 'operator':
        return this.#operator(expression, row)
      case 'subquery':
        return this.#subquery(expression, row)
      default:
        return this.#atom(expression, row)
    }
  }

  /** The comparison of the row's tenant column with the tenant in scope, if the expression is one. */
  comparison(expression: Expression, row: Row): Comparison | undefined {
    const equal = expression.kind === 'operator' && expression.over !== 'all' && this.#isEquality(expression.operator)
    if (!equal && expression.kind !== 'distinct') return undefined
    const [left, right] = expression.arguments
    if (!left || !right) return undefined
    for (const [column, tenant] of [
      [left, right],
      [right, left],
    ] as const) {
      const wrapped = this.#tenantColumn(column, row)
      const source = wrapped && sourceOf(tenant, this.#words)
      if (!source) continue
      return { source, wrapped: wrapped.by, inSubquery: [...walk(tenant)].some(({ at }) => at.kind === 'subquery') }
    }
    return undefined
  }

  #each(expressions: readonly Expression[], row: Row): Limit[] {
    return expressions.map((each) => this.limit(each, row))
  }

  #negated(expression: Expression, row: Row): Limit {
    const constant = booleanOf(expression)
    if (constant !== undefined) return constant === false ? 'open' : 'nothing'
    if (expression.kind === 'not') return this.limit(expression.argument, row)
    if (expression.kind === 'distinct' && this.comparison(expression, row)) return 'tenant'
    if (expression.kind === 'null test') return this.#nullTest({ ...expression, isNull: !expression.isNull }, row)
    return this.#atom(expression, row)
  }

  #nullTest({ argument, isNull }: { argument: Expression; isNull: boolean }, row: Row): Limit {
    if (!isNull || !this.#tenantColumn(argument, row)) return 'open'
    // A row without a tenant is no other tenant's; that it is everybody's is said elsewhere.
    return this.#nobodyCounts ? 'open' : 'nothing'
  }

  #operator(expression: Extract<Expression, { kind: 'operator' }>, row: Row): Limit {
    if (this.comparison(expression, row)) return 'tenant'
    const [left, right] = expression.arguments
    if (!this.#isEquality(expression.operator) || !left || !right) return this.#atom(expression, row)
    const role = this.#roleComparison(left, right) ?? this.#roleComparison(right, left)
    if (role !== undefined) return role ? 'open' : 'nothing'
    for (const [side, other] of [
      [left, right],
      [right, left],
    ] as const) {
      if (side.kind !== 'subquery') continue
      const { query } = side
      // = ANY (ARRAY(SELECT …)) is an IN.
      if (side.form === 'array' && expression.over === 'any') return this.#throughQuery(query, row, other)
      if (side.form === 'value' && sourceOf(other, this.#words)) return this.#parentsTenant(query, row)
    }
    return this.#atom(expression, row)
  }

  /** `(SELECT parent.tenant_id FROM … WHERE parent.id = row.parent_id) = <the tenant in scope>` */
  #parentsTenant(query: Query, row: Row): Limit {
    const [outcome] = query.outcome
    if (!query.plain || outcome?.kind !== 'column' || outcome.level !== 0) return 'opaque'
    const relation = query.from[outcome.source - 1]
    if (relation == null || this.#words.tenantColumn(relation)?.number !== outcome.number) return 'opaque'
    const linked = this.#links(query, row, null).some(({ source }) => source === outcome.source)
    return linked ? 'tenant' : 'open'
  }

  #subquery(expression: Extract<Expression, { kind: 'subquery' }>, row: Row): Limit {
    const { form, query, test } = expression
    if (form === 'exists') return this.#throughQuery(query, row, null)
    const compares = test?.kind === 'operator' && this.#isEquality(test.operator)
    const [column] = compares ? test.arguments : []
    return form === 'any' && column ? this.#throughQuery(query, row, column) : 'opaque'
  }

  /**
   * A row that must have a partner in a table of which the app role sees its tenant's rows alone. That limits the row if
   * the link is the partner's whole key, or its tenant.
   */
  #throughQuery(query: Query, row: Row, compared: Expression | null): Limit {
    const direct = bestOf(query.where.map((condition) => this.limit(condition, { ...row, level: row.level + 1 })))
    if (direct === 'tenant' || direct === 'nothing') return direct
    const links = this.#links(query, row, compared)
    if (!query.plain) return links.length > 0 ? 'opaque' : this.#unlinked(query)
    if (links.length === 0) return this.#unlinked(query)
    const limits = this.#partners(query)
    const found = links.map(({ source, columns }): Limit => {
      const relation = query.from[source - 1]
      const limit = limits[source - 1] ?? 'open'
      if (relation == null || limit === 'open' || limit === 'nothing') return limit
      const tenant = this.#words.tenantColumn(relation)?.number
      const tenants = links.find((link) => link.source === source)?.tenants === true
      if (tenants && tenant !== undefined && columns.has(tenant)) return limit
      return this.#words.isKey(relation, columns) ? limit : 'opaque'
    })
    const best = bestOf(found)
    return best === 'open' ? this.#unlinked(query) : best
  }

  /** What the subquery shows of each of its tables: a table joined to a limited one by its key is limited with it. */
  #partners(query: Query): Limit[] {
    const limits = query.from.map((relation, n) => this.#partner(query, relation, n + 1))
    const joins = joinsOf(query, (operator) => this.#isEquality(operator))
    // As often as there are tables: a chain may stand in any order.
    for (const _ of limits) {
      for (const { from, to, columns } of joins) {
        const relation = query.from[to - 1]
        if (relation == null || !this.#words.isKey(relation, columns)) continue
        limits[from - 1] = bestOf([limits[from - 1] ?? 'open', limits[to - 1] ?? 'open'])
      }
    }
    return limits
  }

  /** What the subquery shows of one of its tables. */
  #partner(query: Query, relation: Oid | null, source: number): Limit {
    if (relation === null) return 'open'
    const own = query.where.map((condition) => this.limit(condition, { relation, level: 0, source }))
    return bestOf([this.#words.visible(relation), ...own])
  }

  /** Does somebody's own function, or another setting, decide in a subquery that knows nothing of the row? */
  #unlinked(query: Query): Limit {
    return query.where.some((condition) => this.#decidesElsewhere(condition)) ? 'opaque' : 'open'
  }

  /** Columns of the subquery's tables that must equal columns of the row. */
  #links(query: Query, row: Row, compared: Expression | null): Link[] {
    const links = new Map<number, Link>()
    const tenant = this.#words.tenantColumn(row.relation)?.number
    const add = (inner: Expression | undefined, outer: Expression, level: number): void => {
      if (inner?.kind !== 'column' || inner.level !== 0) return
      const column = bare(outer)
      if (column?.kind !== 'column' || column.level !== level || column.source !== row.source) return
      const link = links.get(inner.source) ?? { source: inner.source, columns: new Set<number>(), tenants: false }
      link.columns.add(inner.number)
      const relation = query.from[inner.source - 1]
      const theirs = relation == null ? undefined : this.#words.tenantColumn(relation)?.number
      if (column.number === tenant && inner.number === theirs) link.tenants = true
      links.set(inner.source, link)
    }
    if (compared) add(bareColumn(query.outcome[0]), compared, row.level)
    for (const condition of conjuncts(query.where)) {
      if (condition.kind !== 'operator' || condition.over !== 'one' || !this.#isEquality(condition.operator)) continue
      const [left, right] = condition.arguments
      if (!left || !right) continue
      add(bareColumn(left), right, row.level + 1)
      add(bareColumn(right), left, row.level + 1)
    }
    return [...links.values()]
  }

  /** What is understood no further: can it limit the row at all, and who knows? */
  #atom(expression: Expression, row: Row): Limit {
    if (this.#decidesElsewhere(expression)) return 'opaque'
    const parts = [...walk(expression)]
    const mentions = parts.some(({ at, depth }) => isColumnOf(at, row, depth, this.#number(row)))
    const asks = parts.some(({ at }) => sourceOf(at, this.#words) !== undefined)
    return mentions && asks ? 'opaque' : 'open'
  }

  /** Does a function of somebody's own decide, or one that asks who is logged in? */
  #decidesElsewhere(expression: Expression): boolean {
    const { referenced } = this.#words
    return [...walk(expression)].some(({ at }) => {
      if (at.kind === 'role') return true
      if (at.kind === 'operator') return referenced.operators.get(at.operator)?.schema !== 'pg_catalog'
      if (at.kind !== 'call') return false
      if (tenantFunction(at.function, this.#words)) return false
      return (
        !isSystemFunction(at.function, referenced) ||
        asksForRole.test(referenced.functions.get(at.function)?.name ?? '')
      )
    })
  }

  #roleComparison(role: Expression, name: Expression): boolean | undefined {
    const given = textOf(name)
    const asks = role.kind === 'cast' ? role.argument : role
    return asks.kind === 'role' && given !== undefined ? given === this.#words.appRole : undefined
  }

  #tenantColumn(expression: Expression, row: Row): { readonly by: Comparison['wrapped'] } | undefined {
    if (isColumnOf(expression, row, 0, this.#number(row))) return { by: undefined }
    if (expression.kind !== 'cast') return undefined
    const inner = this.#tenantColumn(expression.argument, row)
    if (!inner || expression.by === undefined) return inner
    return { by: expression.implicit ? 'by PostgreSQL' : 'by hand' }
  }

  #number({ relation }: Row): number | undefined {
    return this.#words.tenantColumn(relation)?.number
  }

  #isEquality(operator: Oid): boolean {
    const found = this.#words.referenced.operators.get(operator)
    return found?.equality === true && found.schema === 'pg_catalog'
  }
}

/** Columns of one table of the query that must equal columns of another, both ways. */
function joinsOf(query: Query, isEquality: (operator: Oid) => boolean) {
  const joins = new Map<string, { from: number; to: number; columns: Set<number> }>()
  for (const condition of conjuncts(query.where)) {
    if (condition.kind !== 'operator' || condition.over !== 'one' || !isEquality(condition.operator)) continue
    const [left, right] = condition.arguments.map(bare)
    if (left?.kind !== 'column' || right?.kind !== 'column' || left.level !== 0 || right.level !== 0) continue
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const key = `${one.source} ${other.source}`
      const join = joins.get(key) ?? { from: one.source, to: other.source, columns: new Set<number>() }
      join.columns.add(other.number)
      joins.set(key, join)
    }
  }
  return [...joins.values()]
}

interface Link {
  readonly source: number
  readonly columns: Set<number>
  tenants: boolean
}

function isColumnOf(at: Expression, row: Row, depth: number, number: number | undefined): at is ColumnExpression {
  return at.kind === 'column' && at.level === row.level + depth && at.source === row.source && at.number === number
}

function bare(expression: Expression): Expression {
  return expression.kind === 'cast' ? bare(expression.argument) : expression
}

function bareColumn(expression: Expression | undefined): Expression | undefined {
  return expression && bare(expression)
}

function conjuncts(conditions: readonly Expression[]): Expression[] {
  return conditions.flatMap((each) => (each.kind === 'and' ? conjuncts(each.arguments) : [each]))
}
