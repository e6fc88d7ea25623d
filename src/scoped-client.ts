type Callable = (...args: unknown[]) => unknown
/** Gets a call of the client and makes it, or not. `method` is its name from the client on: `project.findMany`. */
type Around = (call: () => unknown, method: string) => unknown

/**
 * The same client, with every call of it going through `around`: calls of its own methods (`$queryRaw`, `$transaction`,
 * …), of its models' methods, of relations chained to those, and of what other extensions added. Prisma decides a
 * query's scope when the query is made, so this is all that a client needs to belong to one tenant.
 */
export function wrapClient<C extends object>(client: C, around: Around, path = ''): C {
  const wrapped = new Map<string, unknown>()
  const wrapper: C = new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      // Symbols and underscored names are how Prisma's own parts talk to each other.
      if (typeof name === 'symbol' || name.startsWith('_')) return value
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value
      if (!wrapped.has(name)) {
        wrapped.set(name, isCallable(value) ? method(name, value) : wrapClient(value, around, `${path}${name}.`))
      }
      return wrapped.get(name)
    },
  })
  return wrapper

  /** Methods are called on the wrapper: what they hand on, or call in their turn, stays wrapped. */
  function method(name: string, value: Callable): Callable {
    if (name === '$extends') return (...args) => wrapClient(value.apply(wrapper, args) as object, around)
    return (...args) =>
      chainable(
        around(() => value.apply(wrapper, args), `${path}${name}`),
        around,
        `${path}${name}`,
      )
  }
}

/** A query on which relations can be called: `findUnique(…).tasks()` is another query, made when it is called. */
function chainable(query: unknown, around: Around, path: string): unknown {
  if ((query as { [Symbol.toStringTag]?: unknown } | undefined)?.[Symbol.toStringTag] !== 'PrismaPromise') return query
  return new Proxy(query as object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof name === 'symbol' || ofPromises.has(name) || !isCallable(value)) return value
      return (...args: unknown[]) =>
        chainable(
          around(() => value.apply(target, args), `${path}().${name}`),
          around,
          `${path}().${name}`,
        )
    },
  })
}

const ofPromises = new Set(['then', 'catch', 'finally', 'requestTransaction'])

function isCallable(value: unknown): value is Callable {
  return typeof value === 'function'
}
