import type pg from 'pg'
import { type AcrossOptions, checkStatementTimeout } from '../across/access.js'
import { AcrossBinder } from '../across/across-binder.js'
import { type AnswerCheck, watch } from '../across/watch.js'
import type { Scope } from '../context.js'
import { type StatementOptions, StatementRules } from '../gate/statement-rules.js'
import { checkBypassRole } from '../role-check.js'
import { BoundPool } from './bound-pool.js'
import type { ResultBuilder } from './pg-internals.js'
import type { Admission } from './tenant-client.js'

/** The option `acrossTenants` of a `TenantPool`: a login of the bypass role, preferably on a replica. */
export interface AcrossPoolConfig
  extends Omit<pg.PoolConfig, 'onConnect' | 'verify' | 'statement_timeout'>,
    AcrossOptions {}

/** Connections of the bypass role. They serve uses of `acrossTenants`, and nothing else. */
export class AcrossPool extends BoundPool {
  /** @param options what statements of its tenants' pool may do */
  constructor(
    { statementTimeout, audit: _, onAcrossTenants: __, ...config }: AcrossPoolConfig,
    options: StatementOptions,
  ) {
    super(config, {
      binder: new AcrossBinder(checkStatementTimeout(statementTimeout)),
      // Rules of its own: it may be another server.
      rules: new StatementRules(options),
      checkRole: checkBypassRole,
    })
  }

  protected override watch(admission: Admission, { across }: Scope): Admission {
    const { statement, input } = admission
    if (across === undefined || statement.kind !== 'query') return admission
    const check = watch(across, input.text)
    return check === undefined ? admission : { ...admission, check: (result) => checkResult(result, check) }
  }
}

function checkResult({ fields, rows }: ResultBuilder, check: AnswerCheck): void {
  const columns = fields.map(({ name }) => name)
  check(
    columns,
    rows.map((row) => (Array.isArray(row) ? row : columns.map((name) => (row as Record<string, unknown>)[name]))),
  )
}
