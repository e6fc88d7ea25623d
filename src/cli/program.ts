import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { type ExitCode, reportError } from './output.js'
import { version } from './version.js'

/**
 * Runs `tenancy …`. What a command needs is loaded when it runs, so that `--help` is there at once.
 *
 * @returns 0 fine, 1 something is left to do, 2 it could not run; errors are reported, not thrown
 */
export async function runCommand(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0
  const ran = (result: ExitCode): void => {
    code = result
  }
  try {
    await program(ran).parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    // It has said what is wrong with the arguments itself.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    reportError(error, { json: args.includes('--json') })
    return 2
  }
}

const JSON_FLAG = ['--json', 'print one JSON object'] as const
const LIVE = ['--url [url]', 'compare with this database too; without a value: DATABASE_URL'] as const
const DATABASE = ['--url <url>', 'the database (default: DATABASE_URL)'] as const

function program(ran: (code: ExitCode) => void): Command {
  const tenancy = new Command('tenancy')
    .description('Tenant isolation for Prisma that PostgreSQL enforces: from schema.prisma to a migration.')
    .version(version())
    .exitOverride()
    .showHelpAfterError('(tenancy --help, or tenancy <command> --help)')
    .addHelpText('after', '\nExit codes: 0 fine, 1 something is left to do, 2 it could not run.')

  tenancy
    .command('init')
    .description('write tenancy.config.json: asks, or takes flags')
    .option('--tenant-model <model>', 'the Prisma model of a tenant')
    .option('--tenant-id <type>', 'uuid, int, bigint or text (default: as the id of that model)')
    .option('--column <name>', 'the column that names the tenant')
    .option('--field <name>', 'what Prisma calls that column in models that get it')
    .option('--setting <name>', "the setting that carries the tenant (default: 'app.tenant_id')")
    .option('--shared <models>', 'models that every tenant reads and none writes, with commas between them', list)
    .option('--add-column <models>', "models that get the column, with commas between them, or 'all'", list)
    .option('--backfill <tenant>', 'the tenant of existing rows where no parent tells')
    .option('--app-role <role>', "what the service logs in with (default: 'app_user')")
    .option('--migrator-role <role>', "sees and writes all rows (default: 'app_migrator')")
    .option('--bypass-role <role>', "reads all rows (default: 'app_bypass')")
    .option('--owner-role <role>', 'owns the tables (default: who runs the migrations)')
    .option('--schema <path>', 'the Prisma schema, a file or a folder')
    .option('--migrations <path>', 'the folder of migrations')
    .option('--seal', 'policies accept only what the service has signed')
    .option('--yes', 'ask nothing, take what is proposed')
    .option('--force', 'write over a tenancy.config.json that is there')
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await import('./commands/init.js')).init(options)))

  tenancy
    .command('plan')
    .description('print what is left to do, and touch nothing')
    .option(...LIVE)
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await import('./commands/plan.js')).plan(options)))

  tenancy
    .command('migration')
    .description('write a Prisma migration with what is missing')
    .option('--name <name>', 'the end of its name', 'tenancy')
    .option('--write', 'edit the schema too')
    .option(...LIVE)
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await import('./commands/migration.js')).migration(options)))

  tenancy
    .command('apply')
    .description('apply the migrations of tenancy to a live database, without stopping it')
    .option('--online', 'in small steps, each of them short')
    .option(...DATABASE)
    .option('--lock-timeout <ms>', 'the longest that a statement may wait because of us (default: 1000)', number)
    .option('--retries <times>', 'how often a change that gets no lock is tried again (default: 30)', number)
    .option('--batch-size <rows>', 'at most so many rows a transaction (default: 2000)', number)
    .option('--pause <ms>', 'between two of them (default: 10)', number)
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await import('./commands/apply.js')).apply(options)))

  tenancy
    .command('roles')
    .description('print the SQL of the roles, or run it')
    .option('--apply', 'run it')
    .option(...DATABASE)
    .option('--app-password-env <name>', "the variable with the app role's password")
    .option('--migrator-password-env <name>', "the variable with the migrator's password")
    .option('--bypass-password-env <name>', "the variable with the bypass role's password")
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await import('./commands/roles.js')).roles(options)))

  addSeal(tenancy, ran)
  addDoctor(tenancy, ran)
  return tenancy
}

function addDoctor(tenancy: Command, ran: (code: ExitCode) => void): void {
  tenancy
    .command('doctor')
    .description('judge a live database, and change nothing there')
    .option(...DATABASE)
    .option('--app-role <role>', 'what the service logs in with (default: that of tenancy.config.json)')
    .option('--column <name>', "the tenant column (default: that of the configuration, or 'tenant_id')")
    .option('--setting <name>', "the setting of the tenant (default: that of the configuration, or 'app.tenant_id')")
    .option('--schemas <names>', 'the schemas to look at, with commas between them (default: all)', list)
    .option('--tenant-functions <names>', 'functions of your own that answer the tenant in scope', list)
    .option('--probe-pooler', 'try whether a pooler hands the settings of a session on')
    .option('--baseline <file>', 'findings that are accepted, each with its reason')
    .option('--update-baseline <reason>', 'write what is found now into the baseline, and take out what is gone')
    .option('--html <file>', 'write the report as one page')
    .option('--sarif <file>', 'write the report for a code host')
    .option('--fix', 'write a migration of what can be fixed without a decision')
    .addOption(
      new Option('--fail-on <level>', 'exit with 1 where there is a finding of this level or a worse one')
        .choices(['error', 'warning', 'info'])
        .default('warning'),
    )
    .option(...JSON_FLAG)
    .addHelpText('after', '\nExit codes: 0 no such finding, 1 findings, 2 it could not run.')
    .action(async (options) => ran(await (await import('./commands/doctor.js')).doctor(options)))
}

function addSeal(tenancy: Command, ran: (code: ExitCode) => void): void {
  const load = () => import('./commands/seal.js')
  const seal = tenancy.command('seal').description('the keys that tenants are sealed with')
  const keyId = ['--key-id <id>', 'its name (default: the date)'] as const
  seal
    .command('init')
    .description('make what sealed policies ask, and the first key')
    .option(...keyId)
    .option(...DATABASE)
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await load()).sealInit(options)))
  seal
    .command('add')
    .description('let the database accept a key that you have')
    .argument('<key-id>')
    .requiredOption('--key-env <name>', 'the variable with the key')
    .option(...DATABASE)
    .option(...JSON_FLAG)
    .action(async (id, options) => ran(await (await load()).sealAdd(id, options)))
  seal
    .command('rotate')
    .description('make a new key, beside those that are valid')
    .option(...keyId)
    .option(...DATABASE)
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await load()).sealRotate(options)))
  seal
    .command('retire')
    .description('accept nothing any more that a key has signed')
    .argument('<key-id>')
    .option(...DATABASE)
    .option(...JSON_FLAG)
    .action(async (id, options) => ran(await (await load()).sealRetire(id, options)))
  seal
    .command('list')
    .description('the keys by name')
    .option(...DATABASE)
    .option(...JSON_FLAG)
    .action(async (options) => ran(await (await load()).sealList(options)))
}

function list(value: string): string[] {
  return value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
}

function number(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('Give a whole number.')
}
