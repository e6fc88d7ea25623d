import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Token, tokens } from '../gate/lexer.js'
import { migrationNames } from '../migration/files.js'
import { quoteTable } from '../sql/quote.js'

/** Names of the policies of each table, which is named as SQL names it, with its schema. */
export type WrittenPolicies = ReadonlyMap<string, ReadonlySet<string>>

/**
 * The policies that migrations leave behind. `undefined` where their text does not tell, as when one is made in a DO block.
 *
 * @param applied names of those that have run
 * @param schema of tables that are written without one
 */
export async function writtenPolicies(
  migrations: string,
  applied: ReadonlySet<string>,
  schema: string,
): Promise<WrittenPolicies | undefined> {
  const left: Policies = new Map()
  for (const name of await migrationNames(migrations)) {
    if (!applied.has(name)) continue
    const sql = await readFile(join(migrations, name, 'migration.sql'), 'utf8').catch(() => '')
    const found = tokens(sql)
    if (found === undefined) return undefined
    const mentioned = sql.match(/\bcreate\s+policy\b/gi)?.length ?? 0
    const made = statementsOf(found).filter((statement) => follow(statement, left, schema)).length
    if (made < mentioned) return undefined
  }
  return left
}

type Policies = Map<string, Set<string>>

function statementsOf(all: readonly Token[]): Token[][] {
  const statements: Token[][] = [[]]
  for (const token of all) {
    if (token.kind === 'symbol' && token.text === ';') statements.push([])
    else statements.at(-1)?.push(token)
  }
  return statements
}

/** Does to the policies what the statement does. Answers whether it made one. */
function follow(statement: readonly Token[], policies: Policies, schema: string): boolean {
  const reader = new Reader(statement)
  const of = (table: string): Set<string> => {
    const known = policies.get(table) ?? new Set()
    policies.set(table, known)
    return known
  }
  if (reader.takes('create', 'policy')) {
    const [name, table] = reader.policy(schema)
    of(table).add(name)
    return true
  }
  if (reader.takes('drop', 'policy')) {
    reader.takes('if', 'exists')
    const [name, table] = reader.policy(schema)
    of(table).delete(name)
  } else if (reader.takes('alter', 'policy')) {
    const [name, table] = reader.policy(schema)
    if (reader.takes('rename', 'to') && of(table).delete(name)) of(table).add(reader.name())
  } else if (reader.takes('drop', 'table')) {
    reader.takes('if', 'exists')
    do policies.delete(reader.table(schema))
    while (reader.symbol(','))
  } else if (reader.takes('alter', 'table')) {
    reader.takes('if', 'exists')
    reader.takes('only')
    const place = reader.qualified(schema)
    const before = policies.get(quoteTable(place))
    if (before && reader.takes('rename', 'to')) {
      policies.delete(quoteTable(place))
      policies.set(quoteTable({ ...place, table: reader.name() }), before)
    }
  }
  return false
}

class Reader {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(all: readonly Token[]) {
    this.#tokens = all
  }

  takes(...words: readonly string[]): boolean {
    const here = words.every((word, n) => {
      const token = this.#tokens[this.#at + n]
      return token?.kind === 'word' && token.text === word
    })
    if (here) this.#at += words.length
    return here
  }

  symbol(text: string): boolean {
    const token = this.#tokens[this.#at]
    const here = token?.kind === 'symbol' && token.text === text
    if (here) this.#at += 1
    return here
  }

  name(): string {
    return this.#tokens[this.#at++]?.text || '?'
  }

  qualified(schema: string): { schema: string; table: string } {
    const first = this.name()
    return this.symbol('.') ? { schema: first, table: this.name() } : { schema, table: first }
  }

  table(schema: string): string {
    return quoteTable(this.qualified(schema))
  }

  /** `name ON table` */
  policy(schema: string): [name: string, table: string] {
    const name = this.name()
    this.takes('on')
    return [name, this.table(schema)]
  }
}
