import { spellingOf } from '../configured-clients.js'
import { withTenant } from '../context.js'
import { TenancyError } from '../errors.js'
import { showValue } from '../show-value.js'
import type { TenantId } from '../tenant.js'
import type { RunAs } from './client.js'
import type { GivenValues } from './rows.js'

/** Options of `assertTenantIsolation`. */
export interface IsolationOptions {
  /**
   * Two tenants for the test alone: a's rows are made and attacked, b attacks. Where a table of tenants exists, both have
   * to be in it.
   */
  readonly tenants: readonly [a: TenantId, b: TenantId]
  /**
   * Runs a function as a tenant. Default `withTenant`. For a client without this library, whatever it has: a function of
   * its own scope, or one that hands over the tenant's own client: `(tenant, fn) => fn(clientOf(tenant))`.
   */
  readonly as?: RunAs
  /** The database's name of the column of the tenant. Default `'tenant_id'`. */
  readonly tenantColumn?: string
  /** Only these models are attacked. Default: every model and table that belongs to tenants. */
  readonly models?: readonly string[]
  /** Models that belong to nobody, although they have the column or a foreign key to a tenant's. */
  readonly shared?: readonly string[]
  /** Models that are left out, each with its reason, which the matrix tells. */
  readonly skip?: Readonly<Record<string, string>>
  /**
   * Values for the rows that are made, by model and field, where those derived from the column's type are none that the
   * table takes. An enum's value is given as the database has it. `n` counts the tenant's rows.
   *
   * @example values: { Invoice: { number: ({ tenant, n }) => `INV-${tenant}-${n}` } }
   */
  readonly values?: GivenValues
  /**
   * Reads of the service that the kit cannot guess, such as those with keys of a cache of their own: each is asked as
   * tenant a and then as tenant b, who must see nothing of a's rows.
   *
   * @example reads: [(prisma) => prisma.project.findMany({ cache: { key: 'projects', ttl: 60 } })]
   */
  readonly reads?: readonly Read[]
  /** Gets the matrix as text. Default `console.log`; `false` prints nothing. */
  readonly print?: ((text: string) => void) | false
}

/** Reads something through the client that is tested. */
// biome-ignore lint/suspicious/noExplicitAny: the client's type is its application's
export type Read = (prisma: any) => PromiseLike<unknown>

export interface CheckedOptions {
  readonly tenants: readonly [TenantId, TenantId]
  readonly as: RunAs
  /** Whether `as` is the user's own, and whether it hands over a client: for reproductions. */
  readonly ownAs: boolean
  readonly tenantColumn: string
  readonly models: readonly string[] | undefined
  readonly shared: readonly string[]
  readonly skip: Readonly<Record<string, string>>
  readonly values: GivenValues
  readonly reads: readonly Read[]
  readonly print: (text: string) => void
}

const known = ['tenants', 'as', 'tenantColumn', 'models', 'shared', 'skip', 'values', 'reads', 'print']

export function checkOptions(options: IsolationOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null)
    throw invalid('its options are not an object', 'Give { tenants: [a, b] }.')
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) throw invalid(`it has no option ${showValue(unknown)}`, `It has: ${known.join(', ')}.`)
  const {
    tenants,
    as,
    tenantColumn = 'tenant_id',
    models,
    shared = [],
    skip = {},
    values = {},
    reads = [],
    print,
  } = options
  if (
    !Array.isArray(tenants) ||
    tenants.length !== 2 ||
    tenants.some((id) => !['string', 'number', 'bigint'].includes(typeof id))
  )
    throw invalid('tenants are not two ids', 'Give two ids of tenants that are there for the test: tenants: [a, b].')
  if (spellingOf(tenants[0]) === spellingOf(tenants[1]))
    throw invalid('both tenants are the same', 'Give two different ids: tenants: [a, b].')
  if (as !== undefined && typeof as !== 'function')
    throw invalid('as is not a function', 'as: (tenant, fn) => runAs(tenant, fn), or leave it out for withTenant.')
  if (typeof tenantColumn !== 'string' || tenantColumn === '')
    throw invalid(
      `tenantColumn is ${showValue(tenantColumn)}`,
      "Give the column's name in the database: tenantColumn: 'tenant_id'.",
    )
  for (const [name, list] of Object.entries({ models: models ?? [], shared })) {
    if (!Array.isArray(list) || list.some((each) => typeof each !== 'string'))
      throw invalid(`${name} is not a list of names`, `Give names of models: ${name}: ['Project'].`)
  }
  if (!Array.isArray(reads) || reads.some((read) => typeof read !== 'function'))
    throw invalid('reads is not a list of functions', 'reads: [(prisma) => prisma.project.findMany()].')
  const noReason = Object.entries(skip).find(([, why]) => typeof why !== 'string' || why.trim() === '')
  if (noReason) throw invalid(`skip gives no reason for ${noReason[0]}`, `skip: { ${noReason[0]}: 'why' }.`)
  return {
    tenants,
    as: as ?? (withTenant as RunAs),
    ownAs: as !== undefined,
    tenantColumn,
    models,
    shared,
    skip,
    values,
    reads,
    print: print === false ? () => undefined : (print ?? ((text) => console.log(text))),
  }
}

function invalid(why: string, hint: string): TenancyError {
  return new TenancyError('CONFIG.INVALID', `assertTenantIsolation cannot be run: ${why}.`, { hint })
}
