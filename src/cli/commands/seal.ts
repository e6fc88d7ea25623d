import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { TenancyError } from '../../errors.js'
import { readConfig } from '../../schema/config.js'
import { addSealKey, retireSealKey, type SealKeyRow, sealKeys } from '../../seal-keys.js'
import { sealTenants } from '../../sql/seal.js'
import { withDatabase } from '../connect.js'
import { type ExitCode, Output } from '../output.js'
import { secretFromEnvironment } from '../secret-from-environment.js'

export interface SealOptions {
  readonly url?: string | undefined
  readonly keyId?: string | undefined
  readonly json?: boolean | undefined
}

/** `tenancy seal init`: what sealed policies ask, and the first key. */
export async function sealInit(options: SealOptions): Promise<ExitCode> {
  const output = new Output(options)
  const config = await readConfig(process.cwd())
  return withDatabase<ExitCode>(options.url, async ({ client }) => {
    await client.query(`BEGIN;\n${sealTenants({ type: config.tenantId })}\nCOMMIT;`)
    const keys = (await sealKeys(client)).filter(isValid)
    if (keys.length > 0) {
      output.result(() => ({ keyId: null, keys: keys.map(({ keyId }) => keyId) }))
      output.line(`The function and the table of keys are there, and so is a key: ${namesOf(keys)}.`)
      return 0
    }
    const made = await makeKey(client, options.keyId)
    printKey(output, made)
    output.note(`
1. Put it into the secret store of the services. It is not shown again, and cannot be read from the database.
2. Deploy them with TenantPool({ …, seal: { keyId: '${made.keyId}', key: process.env.TENANT_SEAL_KEY } }).
3. When all of them run with it: "seal": true in tenancy.config.json, tenancy migration, tenancy apply --online.`)
    return 0
  })
}

export interface SealAddOptions extends SealOptions {
  /** The environment variable that holds the key. */
  readonly keyEnv: string
}

/** `tenancy seal add`: a key that exists already, as after a restore, or for a second database. */
export async function sealAdd(keyId: string, options: SealAddOptions): Promise<ExitCode> {
  const output = new Output(options)
  const key = secretFromEnvironment('--key-env', options.keyEnv)
  return withDatabase<ExitCode>(options.url, async ({ client }) => {
    await withKeysTable(addSealKey(client, { keyId, key }))
    output.result(() => ({ keyId }))
    output.line(`The database accepts what is signed with ${keyId}.`)
    return 0
  })
}

/** `tenancy seal rotate`: a new key beside those that are valid. */
export async function sealRotate(options: SealOptions): Promise<ExitCode> {
  const output = new Output(options)
  return withDatabase<ExitCode>(options.url, async ({ client }) => {
    const former = (await withKeysTable(sealKeys(client))).filter(isValid)
    const made = await makeKey(client, options.keyId)
    printKey(output, made, former)
    output.note(`
1. Put it into the secret store of the services, in the place of the old one. It is not shown again.
2. Deploy them with seal: { keyId: '${made.keyId}', … }. Both keys are valid meanwhile.
3. When none of them signs with the old one any more:${former.map(({ keyId }) => ` tenancy seal retire ${keyId}`).join('')}`)
    return 0
  })
}

/** `tenancy seal retire`: nothing that was signed with the key is accepted any more. */
export async function sealRetire(keyId: string, options: SealOptions): Promise<ExitCode> {
  const output = new Output(options)
  return withDatabase<ExitCode>(options.url, async ({ client }) => {
    await withKeysTable(retireSealKey(client, keyId))
    const left = (await sealKeys(client)).filter(isValid)
    output.result(() => ({ retired: keyId, keys: left.map((each) => each.keyId) }))
    output.line(`${keyId} is retired. Valid: ${namesOf(left)}.`)
    return 0
  })
}

/** `tenancy seal list`: the keys by name. */
export async function sealList(options: SealOptions): Promise<ExitCode> {
  const output = new Output(options)
  return withDatabase<ExitCode>(options.url, async ({ client }) => {
    const keys = await withKeysTable(sealKeys(client))
    output.result(() => ({ keys }))
    for (const { keyId, createdAt, retiredAt } of keys) {
      const state = retiredAt === null ? 'valid' : `retired ${retiredAt.toISOString()}`
      output.line(`${keyId.padEnd(20)} made ${createdAt.toISOString()}  ${state}`)
    }
    if (keys.length === 0) output.line('There is no key yet: tenancy seal rotate')
    return 0
  })
}

interface MadeKey {
  readonly keyId: string
  readonly key: string
}

async function makeKey(client: Client, given: string | undefined): Promise<MadeKey> {
  const taken = new Set((await sealKeys(client)).map(({ keyId }) => keyId))
  const made = { keyId: given ?? dayFree(taken), key: randomBytes(32).toString('base64') }
  await addSealKey(client, made)
  return made
}

/** `2026-01-31`, or `2026-01-31-2` where that one is taken. */
function dayFree(taken: ReadonlySet<string>): string {
  const day = new Date().toISOString().slice(0, 10)
  for (let n = 1; ; n++) {
    const keyId = n === 1 ? day : `${day}-${n}`
    if (!taken.has(keyId)) return keyId
  }
}

/** To stdout and nowhere else, so that it can go straight into a file or a secret store. */
function printKey(output: Output, { keyId, key }: MadeKey, former: readonly SealKeyRow[] = []): void {
  output.result(() => ({ keyId, key, retireLater: former.map((each) => each.keyId) }))
  output.line(`TENANT_SEAL_KEY_ID=${keyId}`)
  output.line(`TENANT_SEAL_KEY=${key}`)
}

async function withKeysTable<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (cause) {
    const { code } = cause as { code?: unknown }
    if (code !== '42P01' && code !== '3F000') throw cause
    throw new TenancyError('CONFIG.INVALID', 'The database has no table of seal keys.', {
      hint: 'tenancy seal init',
      cause,
    })
  }
}

function isValid({ retiredAt }: SealKeyRow): boolean {
  return retiredAt === null
}

function namesOf(keys: readonly SealKeyRow[]): string {
  return keys.map(({ keyId }) => keyId).join(', ')
}
