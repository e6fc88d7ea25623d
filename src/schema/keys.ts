import type { Field, Key, Model } from './model.js'

const generated = /^(autoincrement|uuid|cuid|ulid|nanoid|dbgenerated|sequence)\s*\(/

/**
 * Is the primary key a surrogate: one column whose values nobody chooses? It stays as it is, so that a row keeps one
 * short name; all that it tells other tenants is that some id exists.
 */
export function isSurrogate(model: Model, key: Key): boolean {
  const field = key.fields.length === 1 ? model.fields.find(({ name }) => name === key.fields[0]) : undefined
  return (
    key.kind === 'id' && field !== undefined && (generated.test(field.default ?? '') || field.nativeType === 'Uuid')
  )
}

/** Does the key tell tenants about each other's values, so that it must get the tenant in front? */
export function needsTenant(model: Model, key: Key, tenantField: string): boolean {
  return key.kind !== 'index' && !key.fields.includes(tenantField) && !isSurrogate(model, key)
}

/** The keys that hold a row's values unique: the primary key and the unique indexes. */
export function uniqueKeys({ primaryKey, uniques }: Model): Key[] {
  return primaryKey ? [primaryKey, ...uniques] : [...uniques]
}

/** Have two keys the same fields, in whatever order? A foreign key may reference them in its own. */
export function sameFields(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}

/** The field of the tenant column, if the model has it. */
export function tenantFieldOf(model: Model, column: string): Field | undefined {
  return model.fields.find((field) => field.column === column)
}
