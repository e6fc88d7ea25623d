import type { Attack } from './attack.js'
import { FOREIGN_ROWS } from './foreign-rows.js'
import { GUESSED_IDS } from './guessed-ids.js'
import { MIXED_SCOPES } from './mixed-scopes.js'
import { RAW_SQL } from './raw-sql.js'
import { WAYS_ROUND } from './ways-round.js'

export const ATTACKS: readonly Attack[] = [...GUESSED_IDS, ...RAW_SQL, ...FOREIGN_ROWS, ...MIXED_SCOPES, ...WAYS_ROUND]
