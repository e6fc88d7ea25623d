import type pg from 'pg'
import { type AcrossOptions, checkStatementTimeout } from '../across/access.js'
import { AcrossBinder } from '../across/across-binder.js'
import { watch, writeRefused } from '../across/watch.js'
import type { Scope } from '../context.js'
import { isTenancyError } from '../errors.js'
import { type StatementOptions, StatementRules } from '../gate/statement-rules.js'
import { checkBypassRole } from '../role-check.js'
import type { Admission } from './admission.js'
import { BoundPool } from './bound-pool.js'

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
    if (across === undefined) return admission
    watch(across, admission.statement.kind, admission.input.text)
    const explain = (error: unknown) => {
      // A missing grant is an error of this library by now, and means something else here.
      const cause = isTenancyError(error) && error.code === 'ROLE.LACKS_PRIVILEGE' ? error.cause : error
      const { code, message } = cause as { code?: string; message?: string }
      return writeRefused(across, code, message, cause)
    }
    return { ...admission, explain }
  }
}
