/**
 * The same client, with every call of it going through `around`: calls of its own methods (`$queryRaw`, `$transaction`,
 * …), of its models' methods and of what other extensions added. Prisma decides a query's scope when the query is
 * made, so this is all that a client needs to belong to one tenant.
 */
export function wrapClient<C extends object>(client: C, around: (call: () => unknown) => unknown): C {
  const wrapped = new Map<string, unknown>()
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      // Symbols and underscored names are how Prisma's own parts talk to each other.
      if (typeof name === 'symbol' || name.startsWith('_') || name === '$parent') return value
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value
      if (!wrapped.has(name))
        wrapped.set(name, typeof value === 'function' ? method(value as never, name) : wrapClient(value, around))
      return wrapped.get(name)
    },
  })

  function method(fn: (...args: unknown[]) => unknown, name: string): unknown {
    if (name === '$extends') return (...args: unknown[]) => wrapClient(fn.apply(client, args) as object, around)
    return (...args: unknown[]) => around(() => fn.apply(client, args))
  }
}
