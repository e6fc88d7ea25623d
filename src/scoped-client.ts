import { isClient, isModelOf, isPrismaMethod, isQuery } from './prisma-internals.js'
import { type Around, scopedValue } from './scoped-value.js'

type Callable = (...args: unknown[]) => unknown

/** How the calls of a client are made. */
interface Wrapping {
  /** Makes a call of Prisma's own, or not. */
  readonly around: Around
  /** Reads a member. */
  read(member: () => unknown): unknown
  /** What another extension put on the client or on a model, as it is handed out. */
  foreign(value: unknown): unknown
  /** Wraps a client that this one leads to. */
  client(value: object): object
}

/**
 * A transaction's client, with every call of Prisma's own methods, of models and of relations chained to those going
 * through `around`. What other extensions added stays as it is: their functions get this client as their `this`.
 */
export function guardClient<C extends object>(tx: C, around: Around): C {
  const wrapping: Wrapping = {
    around,
    read: (member) => member(),
    foreign: (value) => value,
    client: (value) => wrapClient(value, wrapping),
  }
  return wrapping.client(tx) as C
}

/** The client behind one that is bound: binding it again replaces the first. */
const behind = new WeakMap<object, object>()

/**
 * The same client, with every call that starts on it going through `around`: Prisma's own, and those of what other
 * extensions added. Prisma decides a query's scope when the query is made, so this is all that a client needs to belong
 * to one tenant.
 */
export function bindClient<C extends object>(client: C, around: Around): C {
  const wrapping: Wrapping = {
    around,
    read: around,
    foreign: (value) =>
      scopedValue(value, around, (inner) =>
        isQuery(inner) ? chainable(inner, around, '') : isClient(inner) ? wrapping.client(inner) : undefined,
      ),
    client(value) {
      const unbound = behind.get(value) ?? value
      const bound = wrapClient(unbound, wrapping)
      behind.set(bound, unbound)
      return bound
    },
  }
  return wrapping.client(client) as C
}

/** Decide on scopes themselves. */
const ofThisLibrary: ReadonlySet<string> = new Set(['$forTenant', '$acrossTenants'])

function wrapClient(client: object, wrapping: Wrapping): object {
  const special = (name: string, value: unknown, wrapper: object): unknown => {
    if (ofThisLibrary.has(name)) return value
    if (name === '$extends' && isCallable(value))
      return (...args: unknown[]) => wrapping.client(value.apply(wrapper, args) as object)
    return isModelOf(client, name, value) ? wrapMembers(value as object, wrapping, `${name}.`) : undefined
  }
  return wrapMembers(client, wrapping, '', special)
}

/** Methods are called on the wrapper: what they hand on, or call in their turn, stays wrapped. */
function wrapMembers(
  held: object,
  wrapping: Wrapping,
  path: string,
  special?: (name: string, value: unknown, wrapper: object) => unknown,
): object {
  const wrapped = new Map<string, { readonly value: unknown; readonly as: unknown }>()
  const wrapper: object = new Proxy(held, {
    get(target, name) {
      // Symbols and underscored names are how Prisma's own parts talk to each other.
      if (typeof name === 'symbol' || name.startsWith('_')) return Reflect.get(target, name, target)
      const value = wrapping.read(() => Reflect.get(target, name, target))
      if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value
      const known = wrapped.get(name)
      if (known?.value === value) return known.as
      const as = member(name, value)
      if (as === undefined) return wrapping.foreign(value)
      wrapped.set(name, { value, as })
      return as
    },
  })
  return wrapper

  function member(name: string, value: unknown): unknown {
    if (name === '$parent') return wrapping.client(value as object)
    const as = special?.(name, value, wrapper)
    if (as !== undefined || !isCallable(value) || !isPrismaMethod(name)) return as
    return (...args: unknown[]) =>
      chainable(
        wrapping.around(() => value.apply(wrapper, args), `${path}${name}`),
        wrapping.around,
        `${path}${name}`,
      )
  }
}

/** A query on which relations can be called: `findUnique(…).tasks()` is another query, made when it is called. */
function chainable<T>(query: T, around: Around, path: string): T {
  if (!isQuery(query)) return query
  return new Proxy(query, {
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
