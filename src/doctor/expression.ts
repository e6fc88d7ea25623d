import type { Oid } from './catalog.js'
import { elements, isNode, type TreeNode, type TreeValue } from './node-tree.js'

/**
 * What a policy says, as far as the doctor understands it. Functions, operators and types are numbers: two that have the
 * same name in different schemas are never taken for one another.
 */
export type Expression =
  | ColumnExpression
  | { readonly kind: 'constant'; readonly type: Oid; readonly value: null | ConstantBytes }
  | { readonly kind: 'call'; readonly function: Oid; readonly arguments: readonly Expression[] }
  | OperatorExpression
  | { readonly kind: 'and' | 'or'; readonly arguments: readonly Expression[] }
  | { readonly kind: 'not'; readonly argument: Expression }
  | { readonly kind: 'null test'; readonly argument: Expression; readonly isNull: boolean }
  | { readonly kind: 'coalesce'; readonly arguments: readonly Expression[] }
  | { readonly kind: 'nullif'; readonly arguments: readonly Expression[] }
  | CaseExpression
  | { readonly kind: 'is true'; readonly argument: Expression; readonly when: Truthiness }
  | { readonly kind: 'distinct'; readonly arguments: readonly Expression[] }
  | { readonly kind: 'role'; readonly session: boolean }
  | CastExpression
  | SubqueryExpression
  | { readonly kind: 'unknown'; readonly tag: string; readonly arguments: readonly Expression[] }

export interface ColumnExpression {
  readonly kind: 'column'
  /** 0: of the query it stands in, 1: of the one around that; outermost is the policy's own table. */
  readonly level: number
  /** Place of its table in the query's `from`. */
  readonly source: number
  readonly number: number
  readonly type: Oid
}

export interface ConstantBytes {
  readonly bytes: readonly number[]
  /** Is it stored behind its length, as text is? */
  readonly variable: boolean
}

export interface OperatorExpression {
  readonly kind: 'operator'
  readonly operator: Oid
  /** With an array on the right: must one element match, or all of them? */
  readonly over: 'one' | 'any' | 'all'
  readonly arguments: readonly Expression[]
}

export interface CaseExpression {
  readonly kind: 'case'
  /** What the conditions are compared with, in a CASE that has it. */
  readonly subject: Expression | null
  readonly branches: readonly { readonly when: Expression; readonly result: Expression }[]
  readonly otherwise: Expression
}

/** `IS TRUE`, `IS NOT FALSE`, … */
export type Truthiness = 'true' | 'not true' | 'false' | 'not false' | 'unknown' | 'not unknown'

export interface CastExpression {
  readonly kind: 'cast'
  readonly type: Oid
  readonly argument: Expression
  /** Undefined where only the type's name changes and not one byte of the value. */
  readonly by: 'text' | 'domain' | 'elements' | Oid | undefined
  /** Did PostgreSQL put it there, because two types did not fit? */
  readonly implicit: boolean
}

export interface SubqueryExpression {
  readonly kind: 'subquery'
  readonly form: 'exists' | 'all' | 'any' | 'value' | 'array' | 'other'
  /** Of IN and ANY: the comparison, with `outcome` where the subquery's columns stand. */
  readonly test: Expression | null
  readonly query: Query
}

export interface Query {
  /** In the order that `source` counts; null is what is no table: a function, a subquery, a join. */
  readonly from: readonly (Oid | null)[]
  /** Of every inner join and WHERE. */
  readonly where: readonly Expression[]
  readonly outcome: readonly Expression[]
  /** Is it no more than tables, joined, and a condition? What it answers then satisfies the condition row by row. */
  readonly plain: boolean
}

const explicitCast = '1'
const implicitCast = '2'

/** The expression that a tree says. What is not understood is `unknown`, with what it contains. */
export function readExpression(tree: TreeValue): Expression {
  if (!isNode(tree)) return unknown('', elements(tree))
  return (readers[tree.tag] ?? readUnknown)(tree)
}

const readers: Record<string, (node: TreeNode) => Expression> = {
  VAR: ({ fields }) => ({
    kind: 'column',
    level: numberOf(fields['varlevelsup']),
    source: numberOf(fields['varno']),
    number: numberOf(fields['varattno']),
    type: numberOf(fields['vartype']),
  }),
  CONST: ({ fields }) => ({ kind: 'constant', type: numberOf(fields['consttype']), value: constantOf(fields) }),
  FUNCEXPR: ({ fields }) => {
    const call = numberOf(fields['funcid'])
    const given = listOf(fields['args'])
    const [argument] = given
    // A cast's further arguments are the length and whether somebody wrote it.
    const format = fields['funcformat']
    if ((format !== explicitCast && format !== implicitCast) || !argument) {
      return { kind: 'call', function: call, arguments: given }
    }
    return {
      kind: 'cast',
      type: numberOf(fields['funcresulttype']),
      argument,
      by: call,
      implicit: format === implicitCast,
    }
  },
  OPEXPR: ({ fields }) => operator(fields, 'one'),
  SCALARARRAYOPEXPR: ({ fields }) => operator(fields, fields['useOr'] === 'true' ? 'any' : 'all'),
  NULLIFEXPR: ({ fields }) => ({ kind: 'nullif', arguments: listOf(fields['args']) }),
  BOOLEXPR: ({ fields }) => {
    const given = listOf(fields['args'])
    const [first] = given
    if (fields['boolop'] === 'not' && first) return { kind: 'not', argument: first }
    return { kind: fields['boolop'] === 'or' ? 'or' : 'and', arguments: given }
  },
  NULLTEST: ({ fields }) => ({
    kind: 'null test',
    argument: readExpression(fields['arg'] ?? null),
    isNull: fields['nulltesttype'] === '0',
  }),
  COALESCEEXPR: ({ fields }) => ({ kind: 'coalesce', arguments: listOf(fields['args']) }),
  CASEEXPR: ({ fields }) => ({
    kind: 'case',
    subject: fields['arg'] ? readExpression(fields['arg']) : null,
    branches: elements(fields['args'])
      .filter(isNode)
      .map((when) => ({
        when: readExpression(when.fields['expr'] ?? null),
        result: readExpression(when.fields['result'] ?? null),
      })),
    otherwise: readExpression(fields['defresult'] ?? null),
  }),
  BOOLEANTEST: ({ fields }) => ({
    kind: 'is true',
    argument: readExpression(fields['arg'] ?? null),
    when: truthiness[numberOf(fields['booltesttype'])] ?? 'not unknown',
  }),
  DISTINCTEXPR: ({ fields }) => ({ kind: 'distinct', arguments: listOf(fields['args']) }),
  SQLVALUEFUNCTION: (node) => {
    const op = numberOf(node.fields['op'])
    return op >= 9 && op <= 12 ? { kind: 'role', session: op === 12 } : readUnknown(node)
  },
  RELABELTYPE: ({ fields }) => cast(fields, undefined, 'relabelformat'),
  COERCEVIAIO: ({ fields }) => cast(fields, 'text', 'coerceformat'),
  ARRAYCOERCEEXPR: ({ fields }) => cast(fields, 'elements', 'coerceformat'),
  COERCETODOMAIN: ({ fields }) => cast(fields, 'domain', 'coercionformat'),
  SUBLINK: ({ fields }) => ({
    kind: 'subquery',
    form: forms[numberOf(fields['subLinkType'])] ?? 'other',
    test: fields['testexpr'] ? readExpression(fields['testexpr']) : null,
    query: readQuery(fields['subselect'] ?? null),
  }),
}

// The numbers of these come from https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/nodes/primnodes.h
const truthiness: readonly Truthiness[] = ['true', 'not true', 'false', 'not false', 'unknown', 'not unknown']
const forms: readonly SubqueryExpression['form'][] = ['exists', 'all', 'any', 'other', 'value', 'other', 'array']

function readQuery(tree: TreeValue): Query {
  if (!isNode(tree)) return { from: [], where: [], outcome: [], plain: false }
  const { fields } = tree
  const tables = elements(fields['rtable']).filter(isNode)
  const from = tables.map((entry) => (entry.fields['rtekind'] === '0' ? numberOf(entry.fields['relid']) : null))
  const where: Expression[] = []
  // An inner join's condition holds for every row of the answer, an outer join's does not.
  const inner = gatherConditions(fields['jointree'] ?? null, where)
  const empty = ['cteList', 'groupClause', 'groupingSets', 'havingQual', 'limitCount', 'limitOffset', 'setOperations']
  const plain =
    inner &&
    fields['commandType'] === '1' &&
    fields['hasAggs'] === 'false' &&
    fields['hasWindowFuncs'] === 'false' &&
    fields['hasTargetSRFs'] === 'false' &&
    empty.every((name) => fields[name] === null)
  const outcome = elements(fields['targetList'])
    .filter(isNode)
    .map((target) => readExpression(target.fields['expr'] ?? null))
  return { from, where, outcome, plain }
}

function gatherConditions(tree: TreeValue, into: Expression[]): boolean {
  if (!isNode(tree) || tree.tag === 'RANGETBLREF') return true
  const { fields } = tree
  if (tree.tag !== 'FROMEXPR' && !(tree.tag === 'JOINEXPR' && fields['jointype'] === '0')) return false
  if (fields['quals']) into.push(readExpression(fields['quals']))
  const joined = [...elements(fields['fromlist']), fields['larg'] ?? null, fields['rarg'] ?? null]
  return joined.map((part) => gatherConditions(part, into)).every(Boolean)
}

function operator(fields: TreeNode['fields'], over: OperatorExpression['over']): OperatorExpression {
  return { kind: 'operator', operator: numberOf(fields['opno']), over, arguments: listOf(fields['args']) }
}

function cast(
  fields: TreeNode['fields'],
  by: 'text' | 'domain' | 'elements' | undefined,
  format: string,
): CastExpression {
  const argument = readExpression(fields['arg'] ?? null)
  return { kind: 'cast', type: numberOf(fields['resulttype']), argument, by, implicit: fields[format] === implicitCast }
}

function constantOf(fields: TreeNode['fields']): null | ConstantBytes {
  const value = fields['constvalue']
  if (typeof value !== 'object' || value === null || !('bytes' in value)) return null
  return { bytes: value.bytes, variable: fields['constlen'] === '-1' }
}

/** Everything that has an expression inside is looked into, so that nothing hides in a node nobody knew. */
function readUnknown(node: TreeNode): Expression {
  if (node.tag === 'QUERY') {
    const query = readQuery(node)
    return { kind: 'unknown', tag: node.tag, arguments: [...query.where, ...query.outcome] }
  }
  return unknown(node.tag, Object.values(node.fields))
}

function unknown(tag: string, inside: readonly TreeValue[]): Expression {
  const found = inside.flatMap((value) => (Array.isArray(value) ? elements(value) : [value])).filter(isNode)
  return { kind: 'unknown', tag, arguments: found.map(readExpression) }
}

/** What an expression is made of, in order. A subquery's own parts are not among them. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'column':
    case 'constant':
    case 'role':
      return []
    case 'not':
    case 'is true':
    case 'null test':
    case 'cast':
      return [expression.argument]
    case 'case':
      return [
        ...(expression.subject ? [expression.subject] : []),
        ...expression.branches.flatMap(({ when, result }) => [when, result]),
        expression.otherwise,
      ]
    case 'subquery':
      return expression.test ? [expression.test] : []
    default:
      return expression.arguments
  }
}

/** The expression and everything in it. A subquery's parts are one level deeper. */
export function* walk(
  expression: Expression,
  depth = 0,
): Generator<{ readonly at: Expression; readonly depth: number }> {
  yield { at: expression, depth }
  for (const part of partsOf(expression)) yield* walk(part, depth)
  if (expression.kind !== 'subquery') return
  for (const part of [...expression.query.where, ...expression.query.outcome]) yield* walk(part, depth + 1)
}

/** The text of a constant of type text, varchar or name; undefined where it is something else. */
export function textOf(expression: Expression): string | undefined {
  if (expression.kind === 'cast' && expression.by === undefined) return textOf(expression.argument)
  if (expression.kind !== 'constant' || expression.value === null) return undefined
  const { bytes, variable } = expression.value
  if (expression.type === NAME) return Buffer.from(bytes.slice(0, bytes.indexOf(0))).toString('utf8')
  // Four bytes of length stand before the text.
  return variable ? Buffer.from(bytes.slice(4)).toString('utf8') : undefined
}

/** TRUE, FALSE or NULL of a constant of type boolean; undefined where it is something else. */
export function booleanOf(expression: Expression): boolean | null | undefined {
  if (expression.kind !== 'constant' || expression.type !== BOOLEAN) return undefined
  return expression.value === null ? null : expression.value.bytes.some((byte) => byte !== 0)
}

const BOOLEAN = 16
const NAME = 19

function listOf(value: TreeValue | undefined): Expression[] {
  return elements(value).map(readExpression)
}

function numberOf(value: TreeValue | undefined): number {
  return typeof value === 'string' ? Number(value) : 0
}
