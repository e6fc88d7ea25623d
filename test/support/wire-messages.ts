// PostgreSQL's messages as they lie on the wire: https://www.postgresql.org/docs/current/protocol-message-formats.html

export interface WireMessage {
  /** The type byte as a character; '' for the start-up packet, the only one without. */
  readonly type: string
  readonly body: Buffer
}

/** Cuts a stream of chunks into messages, wherever TCP cut it. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0)
  #untyped: boolean

  constructor(first: 'untyped' | 'typed') {
    this.#untyped = first === 'untyped'
  }

  /** The type of a message that has begun and not ended. */
  get begun(): string | undefined {
    return this.#rest.length > 0 ? String.fromCharCode(this.#rest[0] ?? 0) : undefined
  }

  read(chunk: Buffer): WireMessage[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const messages: WireMessage[] = []
    for (;;) {
      const header = this.#untyped ? 0 : 1
      if (this.#rest.length < header + 4) return messages
      const end = header + this.#rest.readInt32BE(header)
      if (this.#rest.length < end) return messages
      messages.push({ type: this.#rest.toString('latin1', 0, header), body: this.#rest.subarray(header + 4, end) })
      this.#rest = this.#rest.subarray(end)
      this.#untyped = false
    }
  }
}

/** The zero-terminated strings a body begins with. */
export function leadingStrings(body: Buffer, count: 1 | 2): string[] {
  const strings: string[] = []
  for (let start = 0; strings.length < count; ) {
    const end = body.indexOf(0, start)
    strings.push(body.toString('utf8', start, end))
    start = end + 1
  }
  return strings
}

const SSL_REQUEST = 80877103
const GSSENC_REQUEST = 80877104

/** The two packets that come before start-up and are answered with a single byte, `N` for no. */
export function asksForEncryption(chunk: Buffer): boolean {
  // No other packet of eight bytes begins with its own length.
  if (chunk.length !== 8 || chunk.readInt32BE(0) !== 8) return false
  return [SSL_REQUEST, GSSENC_REQUEST].includes(chunk.readInt32BE(4))
}
