import type { Finding, Level } from '../finding.js'
import type { Rule } from '../rule.js'

/** What a report says of a rule, found or not. */
export type RuleInfo = Pick<Rule, 'id' | 'level' | 'title' | 'why' | 'docsUrl'>

/** The findings of one rule at one level, in the order of the report. */
export interface Group {
  readonly rule: string
  readonly level: Level
  readonly title: string
  readonly why: string
  readonly docsUrl: string
  readonly findings: readonly Finding[]
}

export function groupsOf(findings: readonly Finding[]): Group[] {
  const groups = new Map<string, Group & { readonly findings: Finding[] }>()
  for (const finding of findings) {
    const { rule, level, title, why, docsUrl } = finding
    const key = `${level} ${rule}`
    const group = groups.get(key)
    if (group) group.findings.push(finding)
    else groups.set(key, { rule, level, title, why, docsUrl, findings: [finding] })
  }
  return [...groups.values()]
}

/** `3 errors, 1 warning, 2 infos`; what there is none of is left out. */
export function levelCounts(findings: readonly Finding[]): string {
  return (['error', 'warning', 'info'] as const)
    .map((level) => [findings.filter((finding) => finding.level === level).length, level] as const)
    .filter(([number]) => number > 0)
    .map(([number, level]) => counted(number, level))
    .join(', ')
}

/** Each text once, where it came first. */
export function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter((text) => text !== '')
}

/** `1 table`, `2 tables`. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
