import type { Attack } from './attack.js'
import { cascade, foreignKey } from './foreign-keys.js'
import { connect, nested } from './nested.js'
import { otherSource } from './other-source.js'
import { raw, truncate } from './raw.js'
import { count, read } from './read.js'
import { relations } from './relations.js'
import { afterError, noScope, race, transaction } from './scopes.js'
import { unique } from './unique.js'
import { create, move, remove, update, upsert } from './write.js'

/** In the order in which they are tried on each target: what harms nothing comes first. */
export const attacks: readonly Attack[] = [
  otherSource,
  read,
  count,
  relations,
  transaction,
  race,
  afterError,
  noScope,
  update,
  upsert,
  create,
  move,
  nested,
  connect,
  raw,
  unique,
  foreignKey,
  cascade,
  remove,
  truncate,
]
