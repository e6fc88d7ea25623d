// Runs one tenant's commands, and holds each answer against the oracle. Only this actor writes the tenant's rows, so what
// must come is known however the actors interleave; the others only attack them.
import assert from 'node:assert/strict'
import { withoutTenant, withTenant } from '../../../src/context.js'
import type { TenantPrisma } from '../../support/modes.js'
import { type Db, found, type Operation, type Outcome, operation, type Spec } from './operations.js'
import { Oracle, projectId, TENANTS, tenantId } from './oracle.js'
import type { Asked, Command } from './program.js'

/** Thrown to roll back, and after a statement that lost its transaction. */
class Rollback extends Error {}

export class Actor {
  readonly oracle = new Oracle()
  /** Operations that were sent. */
  operations = 0
  readonly #tenant: number
  readonly #prisma: TenantPrisma

  constructor(tenant: number, prisma: TenantPrisma) {
    this.#tenant = tenant
    this.#prisma = prisma
  }

  async run(commands: readonly Command[]): Promise<void> {
    for (const [at, command] of commands.entries()) {
      try {
        await this.#command(command)
      } catch (cause) {
        const what = `command ${at} of tenant ${this.#tenant}, ${JSON.stringify(command)}`
        throw new Error(`${what}: ${(cause as Error).message}`, { cause })
      }
    }
  }

  async #command(command: Command): Promise<void> {
    const prisma = this.#prisma
    switch (command.kind) {
      case 'one':
        return this.#inScope(() =>
          this.#check(prisma, this.#operation(command.spec), this.oracle).catch(ignoreRollback),
        )
      case 'array':
        return this.#array(command.specs.map((spec) => this.#operation(spec)))
      case 'transaction':
        return this.#transaction(command)
      case 'tick':
        return this.#tick(command.asked)
      case 'awaited elsewhere': {
        const { send, expect } = this.#operation(command.spec)
        const made = await this.#inScope(async () => ({ promise: send(prisma) }))
        const awaited = withTenant(tenantId(this.#other(command.spec)), async () => settled(made.promise))
        return this.#compare(await awaited, expect(this.oracle))
      }
      case 'bound': {
        const { send, expect } = this.#operation(command.spec)
        const bound = prisma.$forTenant(tenantId(this.#tenant))
        const sent = withTenant(tenantId(this.#other(command.spec)), async () => settled(send(bound)))
        return this.#compare(await sent, expect(this.oracle))
      }
      case 'stolen':
        return this.#stolen(command.spec)
      case 'nobody':
        return this.#nobody(command.slot)
    }
  }

  async #array(members: readonly Operation[]): Promise<void> {
    const draft = this.oracle.clone()
    const outcomes = members.map((member) => member.expect(draft))
    const failure = outcomes.find((outcome) => 'code' in outcome)
    const sent = await this.#inScope(() =>
      settled(this.#prisma.$transaction(members.map(({ send }) => send(this.#prisma)))),
    )
    this.operations += members.length - 1
    this.#compare(sent, failure ?? { answer: outcomes.map((outcome) => (outcome as { answer: unknown }).answer) })
    if (!failure) this.oracle.become(draft)
  }

  async #transaction(command: Extract<Command, { kind: 'transaction' }>): Promise<void> {
    const draft = this.oracle.clone()
    const body = async (tx: Parameters<Parameters<TenantPrisma['$transaction']>[0]>[0]) => {
      await this.#all(tx, command.before, draft)
      const inner = draft.clone()
      if (command.inner.length > 0) {
        await tx
          .$transaction(async (nested) => {
            await this.#all(nested as Db, command.inner, inner)
            if (command.innerThrows) throw new Rollback()
          })
          .then(() => draft.become(inner), ignoreRollback)
      }
      await this.#all(tx, command.after, draft)
      if (command.throws) throw new Rollback()
    }
    const options = command.repeatableRead ? { isolationLevel: 'RepeatableRead' as const } : {}
    await this.#inScope(() => this.#prisma.$transaction(body, options)).then(
      () => this.oracle.become(draft),
      ignoreRollback,
    )
  }

  async #tick(asked: readonly Asked[]): Promise<void> {
    const select = { id: true, budget: true }
    const find = ({ of, slot }: Asked) =>
      this.#prisma.project.findUnique({ where: { id: projectId(of, slot) }, select })
    const answers = await Promise.all(asked.map((one) => withTenant(tenantId(one.by), () => find(one))))
    for (const [i, { by, of, slot }] of asked.entries()) {
      const answer = answers[i] ?? null
      const own = by === this.#tenant ? found(of, slot, this.oracle.projects) : answer
      // What another tenant sees of its own rows only its own actor knows; whose they are is seen by the id.
      if (by === of && by !== this.#tenant) assert.ok(answer === null || answer.id === projectId(of, slot))
      this.#compare({ answer }, { answer: by === of ? own : null })
    }
  }

  /** Another tenant's scope gets nothing through this tenant's transaction, and the transaction goes on. */
  async #stolen(spec: Spec): Promise<void> {
    const draft = this.oracle.clone()
    const { send } = this.#operation(spec)
    const theft = (db: Db) => withTenant(tenantId(this.#other(spec)), async () => settled(send(db)))
    await this.#inScope(() =>
      this.#prisma.$transaction(async (tx) => {
        this.#compare(await theft(tx), { code: 'TENANT.MISMATCH', aborts: false })
        await this.#check(tx, this.#operation(spec), draft)
      }),
    ).then(() => this.oracle.become(draft), ignoreRollback)
  }

  async #nobody(slot: number): Promise<void> {
    const where = { id: projectId(this.#tenant, slot) }
    const { project } = this.#prisma
    await withoutTenant(async () => {
      this.#compare(await settled(project.findUnique({ where })), { answer: null })
      this.#compare(await settled(project.updateMany({ data: { budget: -1 } })), { answer: { count: 0 } })
      const theft = project.create({ data: { tenantId: tenantId(this.#tenant), name: 'stolen' } })
      this.#compare(await settled(theft), { code: 'POLICY.VIOLATION', aborts: true })
    })
    this.#compare(await settled(project.findUnique({ where })), { code: 'TENANT.REQUIRED', aborts: false })
  }

  /** One after another, inside a transaction. */
  async #all(db: Db, specs: readonly Spec[], draft: Oracle): Promise<void> {
    for (const spec of specs) await this.#check(db, this.#operation(spec), draft)
  }

  async #check(db: Db, { send, expect }: Operation, oracle: Oracle): Promise<void> {
    const outcome = expect(oracle)
    this.#compare(await settled(send(db)), outcome)
    if ('code' in outcome && outcome.aborts) throw new Rollback()
  }

  #compare(sent: { answer: unknown } | { error: unknown }, expected: Outcome): void {
    this.operations += 1
    if ('code' in expected) {
      assert.ok('error' in sent, `answered ${JSON.stringify(sent)} instead of ${expected.code}`)
      assert.equal((sent.error as { code?: unknown }).code, expected.code, String(sent.error))
    } else {
      if ('error' in sent) throw sent.error
      assert.deepEqual(plain(sent.answer), plain(expected.answer))
    }
  }

  #inScope<T>(fn: () => Promise<T>): Promise<T> {
    return withTenant(tenantId(this.#tenant), fn)
  }

  #operation(spec: Spec): Operation {
    return operation(this.#tenant, { ...spec, other: this.#other(spec) })
  }

  #other(spec: Spec): number {
    return (this.#tenant + spec.other) % TENANTS
  }
}

function settled(promise: PromiseLike<unknown>): Promise<{ answer: unknown } | { error: unknown }> {
  return Promise.resolve(promise).then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  )
}

function ignoreRollback(error: unknown): void {
  if (!(error instanceof Rollback)) throw error
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
