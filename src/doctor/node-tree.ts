/** A node of PostgreSQL's own parse tree, as `pg_node_tree` writes it: `{TAG :field value …}`. */
export interface TreeNode {
  readonly tag: string
  readonly fields: Readonly<Record<string, TreeValue>>
}

/** `null` is `<>`. What is neither node nor list stays text; the bytes of a constant are numbers. */
export type TreeValue = null | string | TreeNode | readonly TreeValue[] | { readonly bytes: readonly number[] }

/**
 * Reads the text of a `pg_node_tree`, such as `polqual::text`. It knows the notation and no tag, so that a node of a later
 * PostgreSQL is read as well; its meaning is up to the caller.
 *
 * @throws SyntaxError where the text is not in that notation
 * @see https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/nodes/read.c
 */
export function parseNodeTree(text: string): TreeValue {
  const reader = new Reader(tokens(text))
  const value = reader.value()
  if (reader.next() !== undefined) throw new SyntaxError('A node tree goes on after its end.')
  return value
}

export function isNode(value: TreeValue | undefined): value is TreeNode {
  return typeof value === 'object' && value !== null && 'tag' in value
}

/** The elements of a list; an empty one is written `<>`. */
export function elements(value: TreeValue | undefined): readonly TreeValue[] {
  return Array.isArray(value) ? value : []
}

/** Every node in it, itself first, in the order of the text. */
export function* nodesOf(value: TreeValue): Generator<TreeNode> {
  if (Array.isArray(value)) for (const element of value) yield* nodesOf(element)
  if (!isNode(value)) return
  yield value
  for (const field of Object.values(value.fields)) yield* nodesOf(field)
}

class Reader {
  readonly #tokens: Iterator<string>
  #ahead: string | undefined

  constructor(found: Iterable<string>) {
    this.#tokens = found[Symbol.iterator]()
    this.#ahead = this.#tokens.next().value
  }

  next(): string | undefined {
    const token = this.#ahead
    this.#ahead = this.#tokens.next().value
    return token
  }

  value(token = this.next()): TreeValue {
    if (token === undefined) throw new SyntaxError('A node tree ends early.')
    if (token === '{') return this.#node()
    if (token === '(') return this.#list()
    if (token === '<>') return null
    return unescaped(token)
  }

  #node(): TreeNode {
    const tag = this.next() ?? ''
    const fields: Record<string, TreeValue> = {}
    for (let name = this.next(); name !== '}'; name = this.next()) {
      if (!name?.startsWith(':')) throw new SyntaxError(`A node tree has ${JSON.stringify(name)} for a field's name.`)
      // Of its first word nothing is asked: a name may begin with a colon itself.
      const value = this.value()
      fields[name.slice(1)] = this.#ahead === '[' ? this.#datum() : value
    }
    return { tag, fields }
  }

  #list(): TreeValue[] {
    const list: TreeValue[] = []
    for (let token = this.next(); token !== ')'; token = this.next()) list.push(this.value(token))
    return list
  }

  /** `17 [ 68 0 … ]`: the length, which is read, then each byte as a signed number. */
  #datum(): { readonly bytes: readonly number[] } {
    const bytes: number[] = []
    this.next()
    for (let token = this.next(); token !== ']'; token = this.next()) {
      if (token === undefined) throw new SyntaxError('A node tree ends inside a constant.')
      bytes.push(Number(token) & 0xff)
    }
    return { bytes }
  }
}

/** As `pg_strtok` cuts: brackets stand alone, everything else ends at white space or a bracket without a backslash. */
function* tokens(text: string): Generator<string> {
  const token = /[(){}]|(?:\\[\s\S]|[^\\\s(){}])+/g
  for (const [found] of text.matchAll(token)) yield found
}

/** The elements of a list of names stand in quotes, and may have quotes inside; an empty name is `""`. */
function unescaped(token: string): string {
  const inner = token.length > 1 && token.startsWith('"') && token.endsWith('"') ? token.slice(1, -1) : token
  return inner.replaceAll(/\\([\s\S])/g, '$1')
}
