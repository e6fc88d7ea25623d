import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { Column } from './catalog.js'

/** A value for a column as PostgreSQL reads it from text, NULL, or undefined where nothing is known of its type. */
export type Value = string | null | undefined

/** Whether nobody else may have the value: it is in a key. */
export interface Wanted {
  readonly distinct: boolean
  /** Begins texts, so that a row can be told by them. */
  readonly tag: string
  /** The how manieth row. */
  readonly n: number
}

/** A valid value for a column, derived from its type alone. Distinct ones are random: nobody has them. */
export function valueFor({ name, base, category, labels }: Column, { distinct, tag, n }: Wanted): Value {
  if (labels) return labels[n % labels.length]
  const type = base.replace(/\(.*\)/, '')
  const length = Number(/\((\d+)/.exec(base)?.[1] ?? Number.POSITIVE_INFINITY)
  switch (type) {
    case 'uuid':
      return randomUUID()
    case 'smallint':
      return String(distinct ? randomInt(20_000, 32_000) : 1 + n)
    case 'integer':
      return String(distinct ? randomInt(1_500_000_000, 2_100_000_000) : 1 + n)
    case 'bigint':
      return String(distinct ? randomInt(1_500_000_000, 200_000_000_000_000) : 1 + n)
    case 'numeric':
      return distinct ? number(base) : number(base, 1 + n)
    case 'real':
    case 'double precision':
      return distinct ? String(randomInt(1_000_000)) : `${1 + n}.5`
    case 'money':
      return distinct ? `${randomInt(1_000_000)}.00` : `${1 + n}.50`
    case 'boolean':
      return String(n % 2 === 1)
    case 'date':
      return distinct ? day() : '2026-01-02'
    case 'timestamp without time zone':
    case 'timestamp with time zone':
      return distinct ? `${day()} 12:00:00.${String(randomInt(1000)).padStart(3, '0')}Z` : '2026-01-02 12:00:00Z'
    case 'time without time zone':
    case 'time with time zone':
      return `12:00:${String(n % 60).padStart(2, '0')}Z`
    case 'interval':
      return `${1 + n} hours`
    case 'json':
    case 'jsonb':
      return JSON.stringify({ [name]: tag })
    case 'bytea':
      return `\\x${Buffer.from(`${tag} ${distinct ? random(6) : ''}`).toString('hex')}`
    case 'inet':
    case 'cidr':
      return `10.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`
    case 'macaddr':
      return `02:${random(5).replaceAll(/(..)(?=.)/g, '$1:')}`
    case 'bit':
      return '0'.repeat(Number.isFinite(length) ? length : 1)
    case 'bit varying':
      return '0'
    case '"char"':
      return 'x'
    case 'xml':
      return '<a/>'
    case 'point':
      return '(0,0)'
    case 'tsvector':
    case 'hstore':
      return ''
    case 'ltree':
      return `${tag.replaceAll(/\W/g, '')}${random(4)}`
  }
  if (category === 'A') return '{}'
  if (category === 'R') return 'empty'
  if (category === 'S') return text(name, tag, length)
  return undefined
}

function text(name: string, tag: string, length: number): string {
  const whole = `${tag}${random(3)} ${name}`
  return length < 12 ? random(12).slice(0, length) : whole.slice(0, length)
}

/** Within what `numeric(precision, scale)` holds. */
function number(base: string, small?: number): string {
  const [precision = 30, scale = 0] = (/\((.*)\)/.exec(base)?.[1] ?? '').split(',').filter(Boolean).map(Number)
  const whole = Math.min(precision - scale, 9)
  if (whole <= 0) return `0.${'0'.repeat(scale - 1)}1`
  return String(small === undefined || small >= 10 ** whole ? randomInt(1, 10 ** whole) : small)
}

function day(): string {
  return new Date(Date.UTC(2100, 0, 1 + randomInt(300_000))).toISOString().slice(0, 10)
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}

/** A value that a user gave, as PostgreSQL reads it. */
export function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value))
    return `{${value.map((each) => (each === null ? 'NULL' : JSON.stringify(String(asText(each))))).join(',')}}`
  // Prisma's decimals write themselves.
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value)))
    return JSON.stringify(value)
  return String(value)
}
