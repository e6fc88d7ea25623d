import { TenancyError } from '../errors.js'
import { quoteRole } from '../sql/quote.js'
import type {
  Catalog,
  Constraint,
  Grant,
  Membership,
  Oid,
  Policy,
  PolicyExpression,
  Publication,
  Referenced,
  Role,
} from './catalog.js'
import { catalogParts, headSql, type PartName, readOnly, referencedNeeds, referencedSql } from './catalog-sql.js'
import { nodesOf, parseNodeTree, type TreeValue } from './node-tree.js'

/**
 * What the doctor asks: anything with `query`, such as a client or a pool of pg. Nothing is kept in a session: each call
 * is one text, and one with several statements is one implicit transaction.
 */
export interface DoctorDatabase {
  query(text: string): PromiseLike<unknown>
}

/**
 * Reads the catalog in three round trips, each a read-only transaction, whatever the number of tables.
 *
 * @throws TenancyError `CONFIG.INVALID` where a catalog is hidden without which nothing can be judged; what the driver
 * throws
 */
export async function readCatalog(db: DoctorDatabase): Promise<Catalog> {
  const [head] = (await ask(db, [headSql])) as [Head]
  refuseHidden(referencedNeeds, head)
  const names = (Object.keys(catalogParts) as PartName[]).filter((name) => isReadable(name, head))
  const answers = await ask(
    db,
    names.map((name) => catalogParts[name].sql),
  )
  const parts = Object.fromEntries(names.map((name, n) => [name, answers[n]])) as Partial<Parts>
  const { access, schemas } = parts as Parts
  const policies = (parts.policies ?? []).map(policyOf)
  const [referenced] = (await ask(db, [referencedSql(numbersIn(policies))])) as [RawReferenced]
  return {
    server: { version: head.version, number: head.number },
    database: { name: head.database, owner: schemas.database.owner, acl: schemas.database.acl },
    connectedAs: head.connectedAs,
    roles: access.roles ?? [],
    memberships: [...(access.memberships ?? []), ...implicit(access.roles ?? [], schemas.database.owner)],
    settings: access.settings ?? [],
    schemas: schemas.schemas ?? [],
    defaultPrivileges: schemas.defaultPrivileges ?? [],
    publications: (schemas.publications ?? []).map(publicationOf),
    relations: parts.relations ?? [],
    policies,
    indexes: parts.indexes?.indexes ?? [],
    operatorClasses: parts.indexes?.operatorClasses ?? [],
    constraints: (parts.constraints ?? []).map(constraintOf),
    functions: parts.functions ?? [],
    referenced: {
      functions: byOid(referenced.functions),
      operators: byOid(referenced.operators),
      types: byOid(referenced.types),
    },
    notRead: notRead(head),
  }
}

interface Head {
  readonly database: string
  readonly connectedAs: string
  readonly version: string
  readonly number: number
  readonly hidden: readonly string[]
}

/** A list without elements comes as null. */
type Listed<Name extends keyof Catalog> = Catalog[Name] | null

interface Parts {
  readonly access: { readonly [Name in 'roles' | 'memberships' | 'settings']: Listed<Name> }
  readonly schemas: { readonly [Name in 'schemas' | 'defaultPrivileges']: Listed<Name> } & {
    readonly publications: readonly RawPublication[] | null
    readonly database: { readonly owner: Oid; readonly acl: readonly Grant[] }
  }
  readonly relations: Listed<'relations'>
  readonly policies: readonly RawPolicy[] | null
  readonly indexes: { readonly [Name in 'indexes' | 'operatorClasses']: Listed<Name> }
  readonly constraints: readonly RawConstraint[] | null
  readonly functions: Listed<'functions'>
}

interface RawPolicy extends Omit<Policy, 'using' | 'check'> {
  readonly using: string | null
  readonly usingTree: string | null
  readonly check: string | null
  readonly checkTree: string | null
}

interface RawPublication extends Omit<Publication, 'tables'> {
  readonly tables: readonly {
    readonly relation: Oid
    readonly rowFilter: string | null
    readonly rowFilterTree: string | null
  }[]
}

type Letter = keyof typeof effects
interface RawConstraint extends Omit<Constraint, 'references' | 'tree'> {
  readonly tree: string | null
  readonly references:
    | null
    | (Omit<NonNullable<Constraint['references']>, 'onDelete' | 'onUpdate'> & {
        readonly onDelete: Letter
        readonly onUpdate: Letter
      })
}

interface RawReferenced {
  readonly functions: readonly ValueOf<Referenced['functions']>[] | null
  readonly operators: readonly ValueOf<Referenced['operators']>[] | null
  readonly types: readonly ValueOf<Referenced['types']>[] | null
}
type ValueOf<Lookup> = Lookup extends ReadonlyMap<Oid, infer Value> ? Value : never

const effects = { a: 'NO ACTION', r: 'RESTRICT', c: 'CASCADE', n: 'SET NULL', d: 'SET DEFAULT' } as const

/** Sends statements in one read-only transaction, and answers the JSON of each. */
export async function ask(db: DoctorDatabase, statements: readonly string[]): Promise<unknown[]> {
  const results = await db.query(readOnly(statements))
  if (!Array.isArray(results)) throw oneStatementOnly()
  return results.slice(-statements.length).map((result: unknown) => {
    const answer = (result as { rows?: { answer?: unknown }[] }).rows?.[0]?.answer
    // A driver may leave JSON as the text that it is.
    return typeof answer === 'string' ? JSON.parse(answer) : answer
  })
}

function oneStatementOnly(): TenancyError {
  return new TenancyError(
    'CONFIG.INVALID',
    'The database client does not answer each statement of a text on its own.',
    {
      hint: 'Pass a client or a pool of pg: new pg.Client({ connectionString }).',
    },
  )
}

function isReadable(name: PartName, head: Head): boolean {
  const { needs, essential } = catalogParts[name]
  if (essential) refuseHidden(needs, head)
  return !needs.some((catalog) => head.hidden.includes(catalog))
}

function refuseHidden(needs: readonly string[], { hidden, connectedAs }: Head): void {
  const missing = needs.filter((catalog) => hidden.includes(catalog))
  if (missing.length === 0) return
  throw new TenancyError(
    'CONFIG.INVALID',
    `The role "${connectedAs}" may not read ${missing.join(' and ')}, and without that nothing can be judged.`,
    {
      hint: `Run the doctor as another role, or: GRANT SELECT ON ${missing.map((each) => `pg_catalog.${each}`).join(', ')} TO ${quoteRole(connectedAs)};`,
      docsUrl: 'https://www.postgresql.org/docs/current/catalogs.html',
    },
  )
}

function notRead({ hidden, connectedAs }: Head): Catalog['notRead'] {
  return Object.values(catalogParts).flatMap(({ what, needs }) => {
    const missing = needs.filter((catalog) => hidden.includes(catalog))
    if (missing.length === 0) return []
    return [{ what, reason: `The role "${connectedAs}" may not read ${missing.join(' and ')}.` }]
  })
}

/** The owner of the database is a member of a predefined role, and no catalog says so. */
function implicit(roles: readonly Role[], owner: Oid): Membership[] {
  const role = roles.find(({ name }) => name === 'pg_database_owner')
  return role ? [{ role: role.oid, member: owner, inherit: true, set: false, admin: false, grantor: null }] : []
}

function policyOf({ usingTree, checkTree, using, check, ...policy }: RawPolicy): Policy {
  return { ...policy, using: expressionOf(using, usingTree), check: expressionOf(check, checkTree) }
}

function publicationOf({ tables, ...publication }: RawPublication): Publication {
  const filtered = tables.map(({ relation, rowFilter, rowFilterTree }) => {
    return { relation, rowFilter: expressionOf(rowFilter, rowFilterTree) }
  })
  return { ...publication, tables: filtered }
}

function expressionOf(sql: string | null, tree: string | null): PolicyExpression | null {
  return sql === null || tree === null ? null : { sql, tree: parseNodeTree(tree) }
}

function constraintOf({ references, tree: text, ...rest }: RawConstraint): Constraint {
  const constraint = { ...rest, tree: text === null ? null : parseNodeTree(text) }
  if (references === null) return { ...constraint, references }
  const { onDelete, onUpdate } = references
  return { ...constraint, references: { ...references, onDelete: effects[onDelete], onUpdate: effects[onUpdate] } }
}

function byOid<Value extends { readonly oid: Oid }>(values: readonly Value[] | null): ReadonlyMap<Oid, Value> {
  return new Map((values ?? []).map((value) => [value.oid, value]))
}

const functionFields = ['funcid', 'opfuncid', 'aggfnoid', 'winfnoid', 'hashfuncid', 'negfuncid']
const typeFields = ['vartype', 'consttype', 'resulttype', 'funcresulttype', 'coalescetype', 'casetype', 'opresulttype']

function numbersIn(policies: readonly Policy[]): Record<'functions' | 'operators' | 'types', Set<number>> {
  const found = { functions: new Set<number>(), operators: new Set<number>(), types: new Set<number>() }
  const add = (to: Set<number>, value: TreeValue | undefined): void => {
    const oid = typeof value === 'string' ? Number(value) : 0
    if (Number.isInteger(oid) && oid > 0) to.add(oid)
  }
  for (const { using, check } of policies) {
    for (const { fields } of [...nodesOf(using?.tree ?? null), ...nodesOf(check?.tree ?? null)]) {
      add(found.operators, fields['opno'])
      for (const name of functionFields) add(found.functions, fields[name])
      for (const name of typeFields) add(found.types, fields[name])
    }
  }
  return found
}
