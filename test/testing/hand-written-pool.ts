// A pool as a service might write it: every connection it lends is bound to its tenant for the session, and reset when it
// comes back. With `fault` it forgets that after an error.
import pg from 'pg'

export class HandWrittenPool extends pg.Pool {
  readonly #lender: pg.Pool
  readonly #tenant: string
  readonly #fault: boolean

  constructor(lender: pg.Pool, tenant: string, { fault }: { readonly fault: boolean }) {
    super({ max: 1 })
    this.#lender = lender
    this.#tenant = tenant
    this.#fault = fault
  }

  override query = (async (...args: Parameters<pg.ClientBase['query']>) => {
    const client = await this.#bound()
    let failed = true
    try {
      const result = await client.query(...args)
      failed = false
      return result
    } finally {
      if (!failed || !this.#fault) await reset(client)
      client.release()
    }
  }) as never

  override connect = (async () => {
    const client = await this.#bound()
    const release = client.release
    client.release = (...args) => {
      client.release = release
      void reset(client).finally(() => release.apply(client, args))
    }
    return client
  }) as never

  async #bound(): Promise<pg.PoolClient> {
    const client = await this.#lender.connect()
    await client.query("SELECT set_config('app.tenant_id', $1, false)", [this.#tenant])
    return client
  }
}

async function reset(client: pg.PoolClient): Promise<void> {
  await client.query("SELECT set_config('app.tenant_id', '', false)")
}
