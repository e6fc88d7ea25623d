// Proves the doctor's rules about roles and what they own, are granted or can call: see rules.test.ts.
import { proveRules } from './prove-rules.js'

await proveRules('roles')
