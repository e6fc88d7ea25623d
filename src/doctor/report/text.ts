import type { Finding, Level } from '../finding.js'
import type { Judged } from './baseline.js'
import { counted, distinct, type Group, groupsOf, levelCounts } from './groups.js'
import { printable, printableLines } from './printable.js'

/** How parts of the text look on a terminal. Each gets text and answers it with whatever colours it. */
export type Paint = { readonly [Part in Level | 'strong' | 'quiet' | 'sql' | 'good']: (text: string) => string }

const plain = (text: string): string => text
const unpainted: Paint = {
  error: plain,
  warning: plain,
  info: plain,
  strong: plain,
  quiet: plain,
  sql: plain,
  good: plain,
}

/** A report for people: the worst first, rule by rule, each with its objects, its reason and the SQL that mends it. */
export function reportText(judged: Judged, paint: Paint = unpainted): string {
  const { report, accepted } = judged
  const parts = [
    head(judged, paint),
    ...groupsOf(report.findings).map((group) => section(group, paint)),
    notChecked(judged),
    [
      sums(judged, paint),
      ...(accepted.length > 0 ? [`${counted(accepted.length, 'more finding')} accepted by the baseline.`] : []),
    ],
  ]
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

function head({ report: { checked } }: Judged, { strong }: Paint): string[] {
  const { database, server, connectedAs, appRole, tables, rules } = checked
  return [
    `${strong(printable(database))} on PostgreSQL ${printable(server)}, seen as ${printable(connectedAs)}`,
    `The app role ${strong(printable(appRole))}: ${counted(tables.length, 'tenant table')}, ${counted(rules.length, 'rule')}`,
  ]
}

function section(group: Group, paint: Paint): string[] {
  const { rule, level, title, why, docsUrl, findings } = group
  const people = findings.filter(({ fix, needsPerson }) => needsPerson !== undefined || fix === '')
  const fixes = distinct(findings.filter((finding) => !people.includes(finding)).map(({ fix }) => fix))
  const proposals = distinct(people.map(({ fix }) => fix))
  return [
    `${paint[level](level.padEnd(7))} ${paint.strong(title)}  ${paint.quiet(rule)}`,
    ...wrapped(why, '  ').map(paint.quiet),
    '',
    ...objects(findings),
    ...(fixes.length > 0 ? ['', '  Fix:', ...sql(fixes, paint)] : []),
    ...distinct(people.map(({ needsPerson = '' }) => needsPerson)).flatMap((what) => [
      '',
      ...wrapped(`You decide: ${printable(what)}`, '  '),
    ]),
    ...(proposals.length > 0 ? ['', '  A proposal:', ...sql(proposals, paint)] : []),
    '',
    `  ${paint.quiet(docsUrl)}`,
  ]
}

/** What is said of several objects in the same words is said once. */
function objects(findings: readonly Finding[]): string[] {
  return distinct(findings.map(({ detail }) => detail)).flatMap((detail) => [
    ...findings.filter((finding) => finding.detail === detail).map(({ object }) => `  ${printable(object)}`),
    ...wrapped(printable(detail), '      '),
  ])
}

function sql(fixes: readonly string[], paint: Paint): string[] {
  return fixes.flatMap((fix) => {
    const lines = printableLines(fix).trimEnd().split('\n')
    return lines.map((line) =>
      line === '' ? '' : `      ${line.startsWith('--') ? paint.quiet(line) : paint.sql(line)}`,
    )
  })
}

function notChecked({ report }: Judged): string[] {
  const list = report.checked.notChecked
  if (list.length === 0) return []
  return ['Not checked:', ...list.flatMap(({ what, reason }) => wrapped(printable(`${what}: ${reason}`), '  '))]
}

function sums({ report: { findings, checked } }: Judged, paint: Paint): string {
  if (findings.length === 0) {
    return `${paint.good('Nothing found')} in ${counted(checked.tables.length, 'tenant table')}.`
  }
  const worst = findings.some(({ level }) => level === 'error') ? 'error' : (findings[0]?.level ?? 'info')
  const mechanical = findings.filter(({ fix, needsPerson }) => fix !== '' && needsPerson === undefined).length
  const fixable =
    mechanical === 0
      ? 'Each needs a person.'
      : `${mechanical} of ${counted(findings.length, 'finding')} can be fixed without a decision: tenancy doctor --fix`
  return `${paint[worst](levelCounts(findings))}. ${fixable}`
}

const width = 100

/** Lines of at most 100 characters, words whole. */
function wrapped(text: string, indent: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, indent + line]
}
