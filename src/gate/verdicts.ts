// What a text costs beside its characters: the entry of the map, the verdict, the words that its message is made of.
const OVERHEAD = 300

/**
 * What was found out about texts, so that a text that comes again is not read again. Bounded by bytes: the oldest go
 * first. Prisma sends the same few texts again and again; raw SQL with values pasted in does not, and must not pile up.
 */
export class Verdicts<V> {
  readonly #kept = new Map<string, { readonly verdict: V; readonly bytes: number }>()
  readonly #limit: number
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** How much is kept, counted as JavaScript may store it: two bytes for each character. */
  get bytes(): number {
    return this.#bytes
  }

  get(text: string): V | undefined {
    return this.#kept.get(text)?.verdict
  }

  /**
   * Keeps the verdict of a text that has none yet. A text that would push many others out is not kept.
   *
   * @param more what the verdict holds beside the text, in bytes
   */
  keep(text: string, verdict: V, more = 0): void {
    const bytes = text.length * 2 + OVERHEAD + more
    if (bytes > this.#limit / 100) return
    this.#kept.set(text, { verdict, bytes })
    this.#bytes += bytes
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.#bytes <= this.#limit) return
      this.#kept.delete(oldest)
      this.#bytes -= bytes
    }
  }
}
