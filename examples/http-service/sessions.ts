import { randomBytes } from 'node:crypto'

export interface Session {
  readonly companyId: string
  readonly memberId: string
}

const LIFETIME_MS = 8 * 60 * 60 * 1000

/** Who is logged in. In memory, which is enough for one process; a service with several keeps this in a shared table. */
export class Sessions {
  readonly #sessions = new Map<string, Session & { readonly endsAt: number }>()

  /** Opens a session and answers with its bearer token. */
  open(session: Session): string {
    const token = randomBytes(32).toString('base64url')
    this.#sessions.set(token, { ...session, endsAt: Date.now() + LIFETIME_MS })
    return token
  }

  /** The session of an `Authorization` header, or undefined. */
  find(authorization: string | undefined): Session | undefined {
    const token = /^Bearer ([\w-]{43})$/.exec(authorization ?? '')?.[1]
    const session = token === undefined ? undefined : this.#sessions.get(token)
    if (token === undefined || session === undefined) return undefined
    if (session.endsAt > Date.now()) return session
    this.#sessions.delete(token)
    return undefined
  }
}
