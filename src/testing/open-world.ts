import { randomBytes } from 'node:crypto'
import { TenancyError } from '../errors.js'
import { modelsOf } from '../prisma-internals.js'
import { readCatalog } from './catalog.js'
import type { RunAs, TestedClient } from './client.js'
import type { CheckedOptions } from './options.js'
import { lastLine, unproven } from './outcome.js'
import type { Side } from './rows.js'
import { findTargets, type Target } from './targets.js'
import { World } from './world.js'

/** The client's models, the catalog and both tenants, before any row is made. */
export async function openWorld(client: object, options: CheckedOptions): Promise<{ world: World; notes: string[] }> {
  const prisma = client as TestedClient
  const models = modelsOf(prisma)
  const nonce = randomBytes(4).toString('hex')
  const side = (name: Side['name'], i: 0 | 1): Side => ({ name, id: options.tenants[i], tag: `${name}${nonce}` })
  const sides = [side('a', 0), side('b', 1)] as const
  let handsOver = false
  const as: RunAs = (tenant, fn) =>
    options.as(tenant, (client) => {
      handsOver ||= client !== undefined
      return fn(client)
    })
  const catalog = await throughAs(as, sides[0], prisma)
  const targets = findTargets(models, catalog, options)
  checkNames(targets, options)
  const world = new World(prisma, as, sides, catalog, targets, {
    tenantColumn: options.tenantColumn,
    values: options.values,
  })
  world.reads = options.reads.map((read) => ({
    step: { run: async (client) => read(client), text: `(${read})(prisma)` },
  }))
  if (options.ownAs) world.asName = 'as'
  if (handsOver) world.fn = '(prisma)'
  const notes = [
    ...Object.entries(options.skip).map(([name, why]) => `${name} was left out: ${why}`),
    ...(options.models ? [`only these were attacked: ${options.models.join(', ')}`] : []),
  ]
  return { world, notes }
}

async function throughAs(as: RunAs, side: Side, prisma: TestedClient) {
  let catalog: Awaited<ReturnType<typeof readCatalog>> | undefined
  try {
    await as(side.id, async (client) => {
      catalog = await readCatalog((client as TestedClient | undefined) ?? prisma)
    })
  } catch (error) {
    if (error instanceof TenancyError) throw error
    throw unproven(
      `The catalog cannot be read through the client: ${lastLine(error as Error)}`,
      'Is the server there, and may the role of the service log in? as() gets the id of a tenant and a function to run.',
      error,
    )
  }
  if (catalog) return catalog
  throw unproven('The function as did not call what it was given.', 'as: (tenant, fn) => runAs(tenant, fn)')
}

/** Zero is not a pass. */
function checkNames(targets: readonly Target[], { tenantColumn, models, skip, values, shared }: CheckedOptions): void {
  for (const name of [...(models ?? []), ...Object.keys(skip), ...Object.keys(values)]) {
    if (targets.some((target) => target.name === name)) continue
    throw new TenancyError('CONFIG.INVALID', `There is no model ${JSON.stringify(name)} in this client.`, {
      hint: `It has: ${targets.map((target) => target.name).join(', ')}.`,
    })
  }
  if (targets.some(({ kind }) => kind === 'tenant')) return
  const but = shared.length > 0 ? ', the shared ones apart' : ''
  throw new TenancyError(
    'CONFIG.INVALID',
    `No model of this client has a column "${tenantColumn}"${but}: nothing belongs to a tenant.`,
    {
      hint: "Give the column's name in the database: assertTenantIsolation(prisma, { tenants, tenantColumn: 'org_id' }).",
    },
  )
}
