import type { Oid, Relation } from './catalog.js'
import type { Facts } from './facts.js'
import { constraintsOf, indexesOf } from './keys.js'

/**
 * How one comes by the values of a key's column:
 * - `unguessable`: nobody chooses them, and nobody hits on another's,
 * - `counted`: nobody chooses them, but 4712 follows 4711,
 * - `chosen`: they are names, numbers or codes that two tenants can both come to use.
 */
export type Origin = 'unguessable' | 'counted' | 'chosen'

const UUID = 2950
const texts = [25, 1043, 1042]
const usualNames = /^(id|uid|guid|uuid|ulid|cuid)$/i

/** Of a foreign key's column: that of the column it refers to, and `bound`, since that row is some tenant's. */
export function originOf(
  relation: Relation,
  number: number,
  facts: Facts,
  seen: readonly Oid[] = [],
): { readonly origin: Origin; readonly bound: boolean } {
  const column = relation.columns.find((each) => each.number === number)
  if (!column) return { origin: 'chosen', bound: false }
  const parent = seen.includes(relation.oid) ? undefined : referredColumn(relation, number, facts)
  if (parent) {
    const { origin } = originOf(parent.relation, parent.number, facts, [...seen, relation.oid])
    return { origin, bound: true }
  }
  if (column.typeOid === UUID) return { origin: 'unguessable', bound: false }
  if (column.identity || column.default?.startsWith('nextval(')) return { origin: 'counted', bound: false }
  // A cuid or a nanoid that the service makes looks like any text. It is always the whole key, and called like one.
  const whole = indexesOf(relation.oid, facts).some(
    ({ primary, columns }) => primary && columns.join() === String(number),
  )
  const made = column.default !== null || usualNames.test(column.name)
  return { origin: whole && made && texts.includes(column.typeOid) ? 'unguessable' : 'chosen', bound: false }
}

function referredColumn(relation: Relation, number: number, facts: Facts) {
  for (const { references, columns } of constraintsOf(relation.oid, facts)) {
    const parent = references && facts.table(references.relation)
    const referred = references?.columns[columns.indexOf(number)]
    if (parent && referred !== undefined) return { relation: parent.relation, number: referred }
  }
  return undefined
}
