import type { Report, TableProtection } from '../finding.js'
import type { AcceptedFinding, Judged } from './baseline.js'
import { counted, distinct, type Group, groupsOf, levelCounts, type RuleInfo } from './groups.js'
import { escapeHtml, escapeLines } from './html-escape.js'
import { style } from './html-style.js'

export interface HtmlOptions {
  /** When the doctor looked. */
  readonly at: Date
  /** Every rule there is, to list what was looked for as well. */
  readonly rules: readonly RuleInfo[]
}

/**
 * The report as one page that needs nothing else: no script, no font, no picture. It is made to be handed to somebody who
 * has never seen the database, on a screen or on paper.
 */
export function reportHtml(judged: Judged, { at, rules }: HtmlOptions): string {
  const { report, accepted } = judged
  const { database } = report.checked
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="tenancy doctor">
<title>Tenant isolation of ${escapeHtml(database)}</title>
<style>
${style}</style>
</head>
<body>
<main>
${[head(judged, at), matrix(report), findings(report), acceptedList(accepted), notChecked(report), rulesList(judged, rules)].join('')}</main>
</body>
</html>
`
}

function head({ report, accepted }: Judged, at: Date): string {
  const { checked, findings } = report
  const worst = (['error', 'warning', 'info'] as const).find((level) => findings.some((each) => each.level === level))
  const verdict = findings.length === 0 ? 'Nothing found' : levelCounts(findings)
  const facts = [
    ['Database', checked.database],
    ['PostgreSQL', checked.server],
    ['Judged role', checked.appRole],
    ['Seen as', checked.connectedAs],
    ['Tenant tables', String(checked.tables.length)],
    ['Rules', String(checked.rules.length)],
    ['Looked at', `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`],
  ] as const
  return `<header>
<h1>Tenant isolation of <span class="name">${escapeHtml(checked.database)}</span></h1>
<p class="verdict ${worst ?? 'good'}">${verdict}${accepted.length > 0 ? `, ${accepted.length} accepted` : ''}</p>
<dl class="facts">
${facts.map(([name, value]) => `<div><dt>${name}</dt><dd>${escapeHtml(value)}</dd></div>\n`).join('')}</dl>
</header>
`
}

type Protection = Exclude<keyof TableProtection, 'schema' | 'table'>

const protections: readonly { readonly key: Protection; readonly name: string; readonly means: string }[] = [
  { key: 'rowLevelSecurity', name: 'Row security', means: 'row-level security is on' },
  { key: 'forced', name: 'Forced', means: "it holds for the table's owner too" },
  { key: 'reads', name: 'Reads', means: "every row that the role can read is the tenant's" },
  { key: 'writes', name: 'Writes', means: "every row that the role can write is the tenant's" },
  { key: 'tenantNotNull', name: 'Not null', means: 'every row names its tenant' },
  { key: 'tenantIndex', name: 'Index', means: 'an index leads with the tenant' },
  { key: 'foreignKeys', name: 'Foreign keys', means: "no key points at another tenant's row" },
  { key: 'uniques', name: 'Unique keys', means: 'no unique key tells tenants about each other' },
  { key: 'grants', name: 'Grants', means: 'no right goes past the policies' },
]

function matrix({ checked: { tables } }: Report): string {
  if (tables.length === 0) return '<section><h2>Tables and protections</h2><p>There is no tenant table.</p></section>\n'
  const whole = tables.filter((table) => protections.every(({ key }) => table[key] !== false)).length
  const sums = protections.map(({ key }) => {
    const applies = tables.filter((table) => table[key] !== null)
    const held = applies.filter((table) => table[key])
    return `<td class="${held.length === applies.length ? 'yes' : 'no'}">${held.length}/${applies.length}</td>`
  })
  return `<section>
<h2>Tables and protections</h2>
<p>${whole} of ${counted(tables.length, 'tenant table')} ${whole === 1 ? 'holds' : 'hold'} in every respect.</p>
<div class="scroll"><table>
<thead><tr><th scope="col">Table</th>${protections.map(({ name, means }) => `<th scope="col" title="${escapeHtml(means)}">${name}</th>`).join('')}</tr></thead>
<tbody>
${tables.map(row).join('')}</tbody>
<tfoot><tr><th scope="row">Held</th>${sums.join('')}</tr></tfoot>
</table></div>
<dl class="legend">
${protections.map(({ name, means }) => `<div><dt>${name}</dt><dd>${escapeHtml(means)}</dd></div>\n`).join('')}</dl>
</section>
`
}

function row(table: TableProtection): string {
  const { schema, table: name } = table
  const cells = protections.map(({ key }) => cell(table[key])).join('')
  return `<tr><th scope="row"><span class="schema">${escapeHtml(schema)}.</span>${escapeHtml(name)}</th>${cells}</tr>\n`
}

/** A sign, and a word for whoever cannot see it. */
function cell(holds: boolean | null): string {
  if (holds === null)
    return '<td class="none"><span aria-hidden="true">–</span><span class="word">does not apply</span></td>'
  return holds
    ? '<td class="yes"><span aria-hidden="true">✓</span><span class="word">holds</span></td>'
    : '<td class="no"><span aria-hidden="true">✗</span><span class="word">does not hold</span></td>'
}

function findings({ findings: all }: Report): string {
  if (all.length === 0) return ''
  return `<section>
<h2>Findings</h2>
${groupsOf(all).map(card).join('')}</section>
`
}

function card({ rule, level, title, why, docsUrl, findings: some }: Group): string {
  const people = some.filter(({ fix, needsPerson }) => needsPerson !== undefined || fix === '')
  const fixes = distinct(some.filter((finding) => !people.includes(finding)).map(({ fix }) => fix))
  const proposals = distinct(people.map(({ fix }) => fix))
  const details = distinct(some.map(({ detail }) => detail)).map((detail) => {
    const objects = some.filter((finding) => finding.detail === detail).map(({ object }) => code(object))
    return `<li>${objects.join(', ')}<br>${escapeHtml(detail)}</li>\n`
  })
  const decisions = distinct(people.map(({ needsPerson = '' }) => needsPerson))
  return `<article class="${level}">
<h3><span class="level">${level}</span> ${escapeHtml(title)} <code class="rule">${escapeHtml(rule)}</code></h3>
<p>${escapeHtml(why)}</p>
<ul>
${details.join('')}</ul>
${block('Fix', fixes)}${decisions.map((what) => `<p><strong>You decide:</strong> ${escapeHtml(what)}</p>\n`).join('')}${block('A proposal', proposals)}<p class="source">${link(docsUrl)}</p>
</article>
`
}

function block(title: string, sql: readonly string[]): string {
  if (sql.length === 0) return ''
  return `<h4>${title}</h4>\n<pre><code>${sql.map((text) => escapeLines(text.trimEnd())).join('\n')}</code></pre>\n`
}

function acceptedList(accepted: readonly AcceptedFinding[]): string {
  if (accepted.length === 0) return ''
  const rows = accepted.map(({ finding, reason }) => {
    const { level, rule, object } = finding
    return `<tr><td>${level}</td><td><code>${escapeHtml(rule)}</code></td><td>${code(object)}</td><td>${escapeHtml(reason)}</td></tr>\n`
  })
  return `<section>
<h2>Accepted</h2>
<p>Found as well. Somebody has looked at them and said why they may stay.</p>
<div class="scroll"><table class="words">
<thead><tr><th scope="col">Level</th><th scope="col">Rule</th><th scope="col">Object</th><th scope="col">Reason</th></tr></thead>
<tbody>
${rows.join('')}</tbody>
</table></div>
</section>
`
}

function notChecked({ checked }: Report): string {
  if (checked.notChecked.length === 0) return ''
  const items = checked.notChecked.map(({ what, reason }) => `<li>${escapeHtml(what)}: ${escapeHtml(reason)}</li>\n`)
  return `<section>\n<h2>Not checked</h2>\n<ul>\n${items.join('')}</ul>\n</section>\n`
}

function rulesList({ report, accepted }: Judged, rules: readonly RuleInfo[]): string {
  const all = [...report.findings, ...accepted.map(({ finding }) => finding)]
  const titles = new Map(rules.map(({ id, title }) => [id, title]))
  const items = report.checked.rules.map((id) => {
    const found = all.filter(({ rule }) => rule === id).length
    const result = found === 0 ? 'nothing found' : counted(found, 'finding')
    return `<li><code>${escapeHtml(id)}</code> ${escapeHtml(titles.get(id) ?? '')}: ${result}</li>\n`
  })
  return `<section class="rules">\n<h2>What was looked for</h2>\n<ul>\n${items.join('')}</ul>\n</section>\n`
}

function code(object: string): string {
  return `<code>${escapeHtml(object)}</code>`
}

function link(url: string): string {
  const text = escapeHtml(url)
  return /^https:\/\//.test(url) ? `<a href="${text}" rel="noopener noreferrer">${text}</a>` : text
}
