import { AsyncLocalStorage } from 'node:async_hooks'

// Set while the database is to answer, and not this library before it: whoever proves policies needs that. One for all
// copies of this package in the process, as the scopes are: the kit may come from another than the client.
const storageKey = Symbol.for('prisma-extension-tenancy.database-answers')
const shared = globalThis as { [storageKey]?: AsyncLocalStorage<true> }
shared[storageKey] ??= new AsyncLocalStorage<true>()
const answers = shared[storageKey]

/**
 * Runs `fn` with models' writes that name another tenant going on to the database instead of being
 * `TenantMismatchError`: for tests which show that the policies refuse them. A Prisma promise is lazy, so await it inside.
 *
 * @example await letDatabaseAnswer(() => withTenant(a, () => prisma.project.create({ data: { name, tenantId: b } })))
 */
export function letDatabaseAnswer<T>(fn: () => T): T {
  return answers.run(true, fn)
}

/** Is the database to refuse what the client knows to be another tenant's? */
export function databaseAnswers(): boolean {
  return answers.getStore() === true
}
