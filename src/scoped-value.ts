import { types } from 'node:util'
import { isPlainObject } from './context.js'

/** Gets a call and makes it, or not. `method` is the name of one of Prisma's own, from the client on: `project.findMany`. */
export type Around = (call: () => unknown, method?: string) => unknown

/** What stands behind each proxy: methods are called on that, or `#private` fields and internal slots would fail. */
const originals = new WeakMap<object, object>()
const original = <T>(value: T): T => (originals.get(value as object) as T | undefined) ?? value

/**
 * What another extension made, with every call of it going through `around`: its own functions on the thing itself, and
 * those of what they return, since a query builder asks the database in its last call. Plain data and JavaScript's own
 * collections are handed out as they are, and so is what a promise resolves to.
 *
 * @param ofPrisma wraps what is Prisma's own (a query, a client); undefined for everything else
 */
export function scopedValue(value: unknown, around: Around, ofPrisma: (value: object) => object | undefined): unknown {
  if (isData(value)) return value
  const wrap = (inner: unknown) => scopedValue(inner, around, ofPrisma)
  if (Array.isArray(value)) return value.map(wrap)
  const held = value as Record<PropertyKey, unknown>
  const known = ofPrisma(held)
  if (known !== undefined) return known
  // A proxy may not lie about its target's frozen properties, so the target is a thing of its own.
  const target = typeof value === 'function' ? anyFunction.bind(null) : {}
  const proxy: object = new Proxy(target, {
    get: (_, name) => wrap(around(() => Reflect.get(held, name, held))),
    set: (_, name, given) => Reflect.set(held, name, original(given), held),
    has: (_, name) => Reflect.has(held, name),
    deleteProperty: (_, name) => Reflect.deleteProperty(held, name),
    ownKeys: () => Reflect.ownKeys(held),
    getOwnPropertyDescriptor(_, name) {
      const descriptor = Reflect.getOwnPropertyDescriptor(held, name)
      if (descriptor === undefined) return undefined
      const { enumerable = false } = descriptor
      return {
        enumerable,
        configurable: true,
        writable: true,
        value: wrap(around(() => Reflect.get(held, name, held))),
      }
    },
    getPrototypeOf: () => Reflect.getPrototypeOf(held),
    apply: (_, self, args) =>
      wrap(around(() => Reflect.apply(held as unknown as () => unknown, original(self), args.map(original)))),
    construct: (_, args) =>
      wrap(around(() => Reflect.construct(held as unknown as new () => object, args.map(original)))) as object,
  })
  originals.set(proxy, held)
  return proxy
}

/** Bound, it has no property that a proxy must not hide, and can be called with `new`. */
function anyFunction(): void {}

/** Nothing in it can be called, as far as it can be seen without looking into JavaScript's own collections. */
function isData(value: unknown, depth = 0): boolean {
  if (typeof value === 'function') return false
  if (typeof value !== 'object' || value === null) return true
  if (isBuiltIn(value)) return true
  if (depth > 8 || !(Array.isArray(value) || isPlainObject(value))) return false
  return Reflect.ownKeys(value).every((name) => {
    // Read from the value: Prisma's proxies describe a method as undefined.
    const isGetter = Reflect.getOwnPropertyDescriptor(value, name)?.get !== undefined
    return !isGetter && isData(Reflect.get(value, name), depth + 1)
  })
}

/** Whether it has internal slots, which no proxy has. Its own methods know no database. */
function isBuiltIn(value: object): boolean {
  return (
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isMap(value) ||
    types.isSet(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isPromise(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value) ||
    types.isNativeError(value)
  )
}
