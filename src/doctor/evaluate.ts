import { dollarQuote, quoteIdentifier, quoteLiteral } from '../sql/quote.js'
import type { Catalog, Column, PolicyExpression, Referenced, Relation } from './catalog.js'
import { isNode, nodesOf, type TreeNode, type TreeValue } from './node-tree.js'
import type { ResolvedDoctorOptions } from './options.js'
import { ask, type DoctorDatabase } from './read-catalog.js'
import { asksForRole, isSystemFunction, isTenantSetting, tenantFunction } from './tenant-source.js'

/** What an expression says to fabricated rows. */
export interface Truth {
  /** No tenant was ever set. */
  readonly unset: Answer
  /** The tenant is `''`: what a connection is left with after the first transaction that set one. */
  readonly empty: Answer
  /** A tenant is set. */
  readonly set: Answer
}

/** Which kinds of rows it lets through, or the SQLSTATE that it fails with. */
export type Answer =
  | { readonly failed: string; readonly message: string }
  | { readonly failed: undefined; readonly ownRow: boolean; readonly othersRow: boolean; readonly nobodysRow: boolean }

/** Either what PostgreSQL answered, or why it was not asked. */
export type Evaluation =
  | { readonly truth: Truth; readonly notEvaluated: undefined }
  | { readonly truth: undefined; readonly notEvaluated: string }

export type Evaluations = (expression: PolicyExpression, relation: Relation) => Evaluation

/**
 * Asks PostgreSQL what policies' expressions say to fabricated rows, in one read-only transaction. The setting of the
 * session is not touched: each expression reads one of the doctor's own in its place. Functions of somebody's own are
 * never called, nor is anything that is volatile.
 */
export async function evaluatePolicies(
  db: DoctorDatabase,
  catalog: Catalog,
  options: ResolvedDoctorOptions,
): Promise<Evaluations> {
  const relations = new Map(catalog.relations.map((relation) => [relation.oid, relation]))
  const found = new Map<PolicyExpression, Prepared | string>()
  for (const { relation: oid, using, check } of catalog.policies) {
    const relation = relations.get(oid)
    if (!relation) continue
    for (const each of [using, check]) if (each) found.set(each, prepare(each, relation, catalog.referenced, options))
  }
  // The same policy stands on a thousand tables.
  const distinct = new Map([...found.values()].flatMap((each) => (typeof each === 'string' ? [] : [[each.sql, each]])))
  const truths = new Map<string, Truth>()
  if (distinct.size > 0) {
    const [answers] = (await ask(db, [evaluationSql([...distinct.values()])])) as [readonly Truth[]]
    for (const [n, sql] of [...distinct.keys()].entries()) {
      const truth = answers[n]
      if (truth) truths.set(sql, truth)
    }
  }
  return (expression) => {
    const prepared = found.get(expression)
    const truth = typeof prepared === 'object' ? truths.get(prepared.sql) : undefined
    if (truth) return { truth, notEvaluated: undefined }
    return { truth: undefined, notEvaluated: typeof prepared === 'string' ? prepared : 'It was not asked.' }
  }
}

interface Prepared {
  /** One SELECT, with PLACE where the setting's name stands. */
  readonly sql: string
  /** The tenant whose row is its own. */
  readonly own: string
}

const SET = 'tenancy_doctor.tenant'
/** Nobody ever sets this one. */
const UNSET = 'tenancy_doctor.unset'
const ANSWERS = 'tenancy_doctor.answers'
/** In the place of the setting's name, until it is known which of them is read. */
const PLACE = 'tenancy_doctor.place'

/** A tenant of each type that its column may have, and one on either side of it: `<=` is no `=`. */
const samples: Record<string, readonly [own: string, below: string, above: string]> = {
  uuid: [
    '7f9c24e8-3b6a-4c1d-9e52-0a1b2c3d4e5f',
    '11c0ffee-1d2e-4f3a-8b4c-5d6e7f809102',
    'c0ffee00-1d2e-4f3a-8b4c-5d6e7f809102',
  ],
  smallint: ['31007', '31005', '31009'],
  integer: ['2147480007', '2147480005', '2147480009'],
  bigint: ['2147480007', '2147480005', '2147480009'],
  numeric: ['2147480007', '2147480005', '2147480009'],
  text: ['tenancy-doctor-b', 'tenancy-doctor-a', 'tenancy-doctor-c'],
  'character varying': ['tenancy-doctor-b', 'tenancy-doctor-a', 'tenancy-doctor-c'],
  character: ['b', 'a', 'c'],
  citext: ['tenancy-doctor-b', 'tenancy-doctor-a', 'tenancy-doctor-c'],
}

const FIRST_OF_USERS = 16384
const MOST_BOOLEANS = 5

function prepare(
  { sql, tree }: PolicyExpression,
  relation: Relation,
  referenced: Referenced,
  options: ResolvedDoctorOptions,
): Prepared | string {
  const nodes = [...nodesOf(tree)]
  const refused = nodes.map((node) => whyNot(node, referenced, options)).find((why) => why !== undefined)
  if (refused !== undefined) return refused
  const numbers = new Set(nodes.flatMap(({ tag, fields }) => (tag === 'VAR' ? [Number(fields['varattno'])] : [])))
  const columns = [...numbers].map((number) => relation.columns.find((column) => column.number === number))
  if (columns.includes(undefined)) return 'It asks for more of a row than its columns.'
  const used = (columns as Column[]).sort((one, other) => one.number - other.number)
  const tenant = used.find(({ name }) => name === options.tenantColumn)
  const tenants = samples[tenant ? tenant.type.replace(/\(.*\)/, '') : 'text']
  if (!tenants) return `The doctor has no example of the type ${tenant?.type}.`
  const [own, ...others] = tenants
  return { sql: truthSql(inPlace(sql, referenced, options), rowsSql(used, tenant, own, others)), own }
}

/** Nothing with effects, nothing of somebody's own, nothing that reads a table. */
function whyNot({ tag, fields }: TreeNode, referenced: Referenced, options: ResolvedDoctorOptions): string | undefined {
  if (!harmless.has(tag)) return 'It says something that the doctor does not evaluate.'
  if (tag === 'QUERY' && (fields['rtable'] !== null || fields['cteList'] !== null)) return 'It reads a table.'
  for (const name of ['funcid', 'opfuncid'] as const) {
    const oid = numberOf(fields[name])
    if (oid === 0 || tenantFunction(oid, { ...options, referenced }) !== undefined) continue
    const called = referenced.functions.get(oid)
    if (!isSystemFunction(oid, referenced))
      return `It calls ${called?.sql ?? 'an unknown function'}, which is not PostgreSQL's.`
    if (called?.volatility === 'volatile') return `It calls ${called.sql}, which may have effects.`
    if (called && asksForRole.test(called.name)) return `It calls ${called.sql}, which asks who is logged in.`
  }
  const operator = numberOf(fields['opno'])
  if (operator >= FIRST_OF_USERS) return "It uses an operator that is not PostgreSQL's."
  for (const name of ['vartype', 'consttype', 'resulttype'] as const) {
    const type = referenced.types.get(numberOf(fields[name]))
    if (type && type.oid >= FIRST_OF_USERS && type.kind !== 'enum') return `It uses the type ${type.sql}.`
  }
  return undefined
}

const harmless = new Set([
  'ARRAYCOERCEEXPR',
  'ARRAYEXPR',
  'BOOLEANTEST',
  'BOOLEXPR',
  'CASEEXPR',
  'CASETESTEXPR',
  'CASEWHEN',
  'COALESCEEXPR',
  'COERCEVIAIO',
  'CONST',
  'DISTINCTEXPR',
  'FROMEXPR',
  'FUNCEXPR',
  'MINMAXEXPR',
  'NULLIFEXPR',
  'NULLTEST',
  'OPEXPR',
  'QUERY',
  'RELABELTYPE',
  'SCALARARRAYOPEXPR',
  'SUBLINK',
  'TARGETENTRY',
  'VAR',
])

/**
 * The expression with the doctor's setting in the place of the service's, and of functions that answer the tenant. The
 * text is PostgreSQL's own writing, so strings and quoted names are what they look like.
 */
function inPlace(sql: string, referenced: Referenced, options: ResolvedDoctorOptions): string {
  const functions = [...referenced.functions.values()].filter(
    ({ oid }) => tenantFunction(oid, { ...options, referenced }) !== undefined,
  )
  const calls = functions.map((each) => `(?<![\\w$".])${escaped(`${each.sql}()`)}`)
  const token = new RegExp([...calls, "'(?:[^']|'')*'", '"(?:[^"]|"")*"'].join('|'), 'g')
  return sql.replaceAll(token, (found) => {
    if (found.startsWith("'")) {
      return isTenantSetting(found.slice(1, -1), { ...options, referenced }) ? quoteLiteral(PLACE) : found
    }
    const called = functions.find((each) => found === `${each.sql}()`)
    if (!called) return found
    return `(nullif(current_setting(${quoteLiteral(PLACE)}, true), '')::${called.returns})`
  })
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** A row of each kind of tenant, for every combination of what its boolean columns can be. Other columns are NULL. */
function rowsSql(used: readonly Column[], tenant: Column | undefined, own: string, others: readonly string[]): string {
  const booleans = used.filter(({ type }) => type === 'boolean').slice(0, MOST_BOOLEANS)
  const columns = used.map((column) => {
    const name = quoteIdentifier(column.name)
    if (column === tenant) return `"tenancy whose"."tenant"::${column.type} AS ${name}`
    return booleans.includes(column) ? `${booleanTable(column)}."value" AS ${name}` : `NULL::${column.type} AS ${name}`
  })
  const theirs = others.map((other) => `('others', ${quoteLiteral(other)})`).join(', ')
  const whose = `(VALUES ('own', ${quoteLiteral(own)}), ${theirs}, ('nobody', NULL)) AS "tenancy whose"("whose", "tenant")`
  const values = booleans.map((column) => `(VALUES (true), (false), (NULL)) AS ${booleanTable(column)}("value")`)
  return `SELECT ${['"tenancy whose"."whose" AS "tenancy whose"', ...columns].join(', ')} FROM ${[whose, ...values].join(' CROSS JOIN ')}`
}

function booleanTable({ number }: Column): string {
  return `"tenancy boolean ${number}"`
}

function truthSql(condition: string, rows: string): string {
  const any = (whose: string): string =>
    `coalesce(bool_or("admits") FILTER (WHERE "tenancy whose" = '${whose}'), false)`
  return `SELECT jsonb_build_object('ownRow', ${any('own')}, 'othersRow', ${any('others')}, 'nobodysRow', ${any('nobody')})
FROM (SELECT (${condition}) IS TRUE AS "admits", "tenancy whose" FROM (${rows}) AS "row") AS "answered"`
}

/** Each expression in a subtransaction of its own: one that fails is an answer, too. */
function evaluationSql(prepared: readonly Prepared[]): string {
  const asked = prepared.map(({ sql, own }) => ({
    unset: sql.replaceAll(PLACE, UNSET),
    set: sql.replaceAll(PLACE, SET),
    own,
  }))
  return `DO ${dollarQuote(`
DECLARE
  asked record;
  answer jsonb;
  answers jsonb := '[]';
BEGIN
  FOR asked IN
    SELECT n, state, CASE state WHEN 'unset' THEN each ->> 'unset' ELSE each ->> 'set' END AS sql,
      CASE state WHEN 'set' THEN each ->> 'own' ELSE '' END AS tenant
    FROM jsonb_array_elements(${quoteLiteral(JSON.stringify(asked))}::jsonb) WITH ORDINALITY AS list(each, n),
      (VALUES (1, 'unset'), (2, 'empty'), (3, 'set')) AS states(place, state)
    ORDER BY n, place
  LOOP
    BEGIN
      PERFORM set_config('${SET}', asked.tenant, true);
      EXECUTE asked.sql INTO answer;
    EXCEPTION WHEN OTHERS THEN
      answer := jsonb_build_object('failed', SQLSTATE, 'message', SQLERRM);
    END;
    IF asked.state = 'unset' THEN
      answers := answers || '[{}]';
    END IF;
    answers := jsonb_set(answers, ARRAY[(asked.n - 1)::text, asked.state], answer);
  END LOOP;
  PERFORM set_config('${ANSWERS}', answers::text, true);
END
`)};
SELECT current_setting('${ANSWERS}') AS answer`
}

function numberOf(value: TreeValue | undefined): number {
  return typeof value === 'string' && !isNode(value) ? Number(value) : 0
}
