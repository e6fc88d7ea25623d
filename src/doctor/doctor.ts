import { evaluatePolicies } from './evaluate.js'
import type { Facts } from './facts.js'
import type { Finding, Level, Report } from './finding.js'
import { gatherFacts } from './gather-facts.js'
import { type DoctorOptions, type ResolvedDoctorOptions, resolveOptions } from './options.js'
import { protectionsOf } from './protections.js'
import { type DoctorDatabase, readCatalog } from './read-catalog.js'
import type { Rule } from './rule.js'
import { rules } from './rules/all.js'

/**
 * Looks for what keeps tenants' rows from being safe in a live database, and changes nothing: everything runs in read-only
 * transactions. It works as any role that may log in, the app role included; what that role may not look at is listed.
 *
 * @throws TenancyError `CONFIG.INVALID`: an option, a role that does not exist, a catalog that is hidden; what the driver
 * throws
 * @example
 * const { findings } = await doctor(new pg.Pool({ connectionString }), { appRole: 'app_user' })
 */
export async function doctor(db: DoctorDatabase, options: DoctorOptions): Promise<Report> {
  const resolved = resolveOptions(options)
  const catalog = await readCatalog(db)
  const facts = gatherFacts(catalog, resolved, await evaluatePolicies(db, catalog, resolved))
  const { server, database, connectedAs, notRead } = catalog
  return {
    findings: findingsOf(facts, rules),
    checked: {
      database: database.name,
      server: server.version,
      connectedAs,
      appRole: resolved.appRole,
      tables: protectionsOf(facts),
      rules: rules.map(({ id }) => id).filter((id) => hasWhatItNeeds(id, resolved)),
      notChecked: [...notRead, ...notEvaluated(facts)],
    },
  }
}

/** Two rules judge what somebody else found out or wrote down. Without it they cannot speak. */
function hasWhatItNeeds(rule: string, { poolerProbe, expected }: ResolvedDoctorOptions): boolean {
  if (rule === 'pooler-leaks-settings') return poolerProbe !== undefined
  return rule !== 'policy-drift' || expected !== undefined
}

const levels: readonly Level[] = ['error', 'warning', 'info']

/** Worst first, then in the order of the rules. */
export function findingsOf(facts: Facts, among: readonly Rule[]): Finding[] {
  const found = among.flatMap((rule) =>
    rule.check(facts).map(
      ({ object, detail, level = rule.level, fix = '', needsPerson }): Finding => ({
        rule: rule.id,
        level,
        object,
        title: rule.title,
        detail,
        why: rule.why,
        fix,
        ...(needsPerson === undefined ? {} : { needsPerson }),
        docsUrl: rule.docsUrl,
      }),
    ),
  )
  return levels.flatMap((level) => found.filter((finding) => finding.level === level))
}

/** Policies whose form says nothing, and that could not be evaluated either, are a rule's: this is what else was left. */
function notEvaluated(_facts: Facts): { what: string; reason: string }[] {
  return []
}
