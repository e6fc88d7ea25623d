export { doctor } from './doctor.js'
export type { Checked, Finding, Level, Report, TableProtection } from './finding.js'
export type { DoctorOptions, Expected, ExpectedTable, FunctionName, PoolerProbe } from './options.js'
export type { DoctorDatabase } from './read-catalog.js'
