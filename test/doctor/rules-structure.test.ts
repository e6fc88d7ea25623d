// Proves the doctor's rules about columns, indexes, constraints, partitions and publications: see rules.test.ts.
import { proveRules } from './prove-rules.js'

await proveRules('structure')
