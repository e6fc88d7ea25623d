import { TenancyError } from '../../errors.js'
import { failure } from '../../online/failures.js'
import type { Desired, SharedTable } from '../../schema/desired.js'
import { quoteLiteral, quoteRole } from '../../sql/quote.js'
import { tenantRoles } from '../../sql/roles.js'
import { withDatabase } from '../connect.js'
import { type ExitCode, Output } from '../output.js'
import { loadProject } from '../project.js'
import { scramVerifier } from '../scram-verifier.js'
import { secretFromEnvironment } from '../secret-from-environment.js'

export interface RolesOptions {
  readonly apply?: boolean | undefined
  readonly url?: string | undefined
  /** Names of environment variables. */
  readonly appPasswordEnv?: string | undefined
  readonly migratorPasswordEnv?: string | undefined
  readonly bypassPasswordEnv?: string | undefined
  readonly json?: boolean | undefined
}

/** `tenancy roles`: prints the SQL of the roles, or runs it with `--apply`. */
export async function roles(options: RolesOptions): Promise<ExitCode> {
  const output = new Output(options)
  if (options.url !== undefined && !options.apply) {
    throw new TenancyError('CONFIG.INVALID', '--url names a database, and without --apply nothing is done there.', {
      hint: 'tenancy roles --apply --url …, or tenancy roles alone to print the SQL.',
    })
  }
  const { desired } = await loadProject(process.cwd())
  const sql = [rolesSql(desired), passwordsSql(desired, options)].filter((each) => each !== '').join('\n')
  if (!options.apply) {
    output.result(() => ({ sql, applied: false }))
    output.line(sql)
    return 0
  }
  await withDatabase(options.url, async ({ client }) => {
    try {
      await client.query(`BEGIN;\n${sql}\nCOMMIT;`)
    } catch (error) {
      await client.query('ROLLBACK').catch(() => {}) // on a lost connection there is nothing to roll back
      throw failure('The roles', error)
    }
  })
  const { app, migrator, bypass } = desired.config.roles
  output.result(() => ({ sql, applied: true }))
  output.line(`The roles ${app}, ${migrator} and ${bypass} are there, with what each may do.`)
  return 0
}

function rolesSql({ config, tables, schemas }: Desired): string {
  const shared = tables.filter((table): table is SharedTable => table.kind === 'shared').map(({ table }) => table)
  return tenantRoles({ ...config.roles, schemas, shared })
}

/** Of a password, only what PostgreSQL keeps of it stands in the SQL. */
function passwordsSql({ config: { roles: names } }: Desired, options: RolesOptions): string {
  const wanted = [
    { role: names.app, option: '--app-password-env', variable: options.appPasswordEnv },
    { role: names.migrator, option: '--migrator-password-env', variable: options.migratorPasswordEnv },
    { role: names.bypass, option: '--bypass-password-env', variable: options.bypassPasswordEnv },
  ]
  return wanted
    .flatMap(({ role, option, variable }) => {
      if (variable === undefined) return []
      const verifier = scramVerifier(secretFromEnvironment(option, variable))
      return [`ALTER ROLE ${quoteRole(role)} PASSWORD ${quoteLiteral(verifier)};\n`]
    })
    .join('')
}
