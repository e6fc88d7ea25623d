import { TenancyError } from '../../errors.js'
import { showValue } from '../../show-value.js'
import type { Finding, Report } from '../finding.js'

/** A finding that a team has looked at and lives with. */
export interface BaselineEntry {
  readonly rule: string
  /** As the finding names it. */
  readonly object: string
  readonly reason: string
}

/** A report that a baseline has been held against. */
export interface Judged {
  /** Without what is accepted. */
  readonly report: Report
  readonly accepted: readonly AcceptedFinding[]
  /** Entries that no longer name a finding. Take them out: they would hide it when it comes back. */
  readonly obsolete: readonly BaselineEntry[]
}

export interface AcceptedFinding {
  readonly finding: Finding
  readonly reason: string
}

const example = '{ "accepted": [{ "rule": "…", "object": "…", "reason": "…" }] }'

/**
 * Reads a baseline.
 *
 * @param file its name, for errors
 * @param rules ids of all rules there are
 * @throws TenancyError `CONFIG.INVALID`: no JSON, a rule that does not exist, an entry without a reason
 */
export function parseBaseline(text: string, file: string, rules: readonly string[]): BaselineEntry[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw invalid(file, `is not JSON: ${(cause as Error).message}`, `Correct it: ${example}`, cause)
  }
  const { accepted } = withKeys(file, 'The baseline', value, ['accepted'])
  if (!Array.isArray(accepted)) throw invalid(file, `has no list "accepted"`, `Write ${example}`)
  const entries = accepted.map((entry: unknown, index) => entryOf(file, `Entry ${index + 1}`, entry, rules))
  const seen = new Set<string>()
  for (const [index, entry] of entries.entries()) {
    const key = keyOf(entry)
    if (seen.has(key)) {
      const what = `names ${showValue(entry.rule)} of ${showValue(entry.object)} twice, again in entry ${index + 1}`
      throw invalid(file, what, 'Keep the one with the right reason.')
    }
    seen.add(key)
  }
  return entries
}

/** Takes out of a report what the entries name: that rule of that object, and nothing else. */
export function applyBaseline(report: Report, entries: readonly BaselineEntry[]): Judged {
  const reasons = new Map(entries.map((entry) => [keyOf(entry), entry.reason]))
  const found = new Set(report.findings.map(keyOf))
  const ran = new Set(report.checked.rules)
  return {
    report: { ...report, findings: report.findings.filter((finding) => !reasons.has(keyOf(finding))) },
    accepted: report.findings.flatMap((finding) => {
      const reason = reasons.get(keyOf(finding))
      return reason === undefined ? [] : [{ finding, reason }]
    }),
    // Where a rule did not run, or something was hidden from it, nobody knows.
    obsolete:
      report.checked.notChecked.length > 0
        ? []
        : entries.filter((entry) => ran.has(entry.rule) && !found.has(keyOf(entry))),
  }
}

/** The entries that still apply, and one for each finding that is left, with the reason given. */
export function updatedBaseline(
  entries: readonly BaselineEntry[],
  { report, obsolete }: Judged,
  reason: string,
): BaselineEntry[] {
  const fresh = new Map(report.findings.map(({ rule, object }) => [keyOf({ rule, object }), { rule, object, reason }]))
  return [...entries.filter((entry) => !obsolete.includes(entry)), ...fresh.values()]
}

/** What is written into the file. */
export function baselineText(entries: readonly BaselineEntry[]): string {
  return `${JSON.stringify({ accepted: entries }, undefined, 2)}\n`
}

function keyOf({ rule, object }: Pick<BaselineEntry, 'rule' | 'object'>): string {
  return JSON.stringify([rule, object])
}

function entryOf(file: string, what: string, value: unknown, rules: readonly string[]): BaselineEntry {
  const entry = withKeys(file, what, value, ['rule', 'object', 'reason'])
  const text = (key: keyof BaselineEntry, hint: string): string => {
    const given = entry[key]
    if (typeof given === 'string' && given.trim() !== '') return given
    throw invalid(file, `has no "${key}" in ${what.toLowerCase()}`, hint)
  }
  const rule = text('rule', 'Name the rule as the report does: "rule": "rls-disabled".')
  if (!rules.includes(rule)) {
    throw invalid(file, `names the rule ${showValue(rule)}, which does not exist`, `Use one of: ${rules.join(', ')}.`)
  }
  const object = text(
    'object',
    'Copy the object from the report, with its quotes: "object": "\\"public\\".\\"projects\\"".',
  )
  return {
    rule,
    object,
    reason: text('reason', 'Say why it may stay: "reason": "…". Whoever reads it next year will ask.'),
  }
}

function withKeys(file: string, what: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(
      file,
      `does not hold an object where ${what.toLowerCase()} stands, but ${showValue(value)}`,
      `Write ${example}`,
    )
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    throw invalid(file, `has the unknown key ${showValue(key)} in ${what.toLowerCase()}`, `Use: ${known.join(', ')}.`)
  }
  return value as Record<string, unknown>
}

function invalid(file: string, what: string, hint: string, cause?: unknown): TenancyError {
  return new TenancyError('CONFIG.INVALID', `The baseline ${file} ${what}.`, { hint, cause })
}
