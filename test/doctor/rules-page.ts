// docs/doctor-rules.md: what the doctor looks for and how each rule is proven, from the rules and their fixtures.
import type { Rule } from '../../src/doctor/rule.js'
import { rules } from '../../src/doctor/rules/all.js'
import type { Fault, NearMiss, Probe, RuleFixture } from './rule-fixture.js'

const parts = [
  {
    harm: 'leak',
    title: 'One tenant gets at what is another’s',
    text: 'Each fault is shown by a statement of the app role, unless a line says why none can show it.',
  },
  {
    harm: 'speed',
    title: 'Queries are slow, and slower with every tenant',
    text: 'Each fault is shown by the plan of a statement, on a table that is filled for it.',
  },
  {
    harm: 'other',
    title: 'Something else goes wrong',
    text: 'No statement of the app role can show a row of another tenant; each rule says why.',
  },
] as const

/** The page. Faults and near misses stand in it under the names that their tests have. */
export function rulesPage(fixtures: ReadonlyMap<string, RuleFixture>): string {
  const overview = parts.map(({ harm, title }) => {
    const rows = rulesAbout(harm).map(({ id, level, title }) => {
      const { faults, nearMisses } = fixtureOf(id, fixtures)
      return `| [\`${id}\`](#${id}) | ${level} | ${title} | ${faults.length} | ${nearMisses.length} |`
    })
    return `**${title}**\n\n| rule | level | finds | faults | near misses |\n|---|---|---|---|---|\n${rows.join('\n')}`
  })
  const sections = parts.map(({ harm, title, text }) => {
    const each = rulesAbout(harm).map((rule) => section(rule, fixtureOf(rule.id, fixtures)))
    return `## ${title}\n\n${text}\n\n${each.join('\n\n')}`
  })
  return `# What the doctor looks for

<!-- Written from the rules and their fixtures. After a change: npx vitest run test/docs-rules.test.ts -u -->

${rules.length} rules. \`npm test\` proves each on a real PostgreSQL ([test/doctor/rules.test.ts](../test/doctor/rules.test.ts)): its
faults are planted one at a time into a database that is well, and the doctor names each and says nothing else. The
statement that is shown here is run as the app role, with tenant B in scope, and does harm; the rule's own SQL is run (or,
where a person has to decide, what that person would run); the same statement does no harm any more, and the doctor is
quiet. The near misses look alike, and the doctor says nothing about them.

A level in the table is that of most findings of the rule; where another one fits better, the finding has it.

${overview.join('\n\n')}

${sections.join('\n\n')}
`
}

function rulesAbout(harm: Rule['harm']): readonly Rule[] {
  return rules.filter((rule) => rule.harm === harm)
}

function fixtureOf(id: string, fixtures: ReadonlyMap<string, RuleFixture>): RuleFixture {
  const fixture = fixtures.get(id)
  if (!fixture) throw new Error(`The rule ${id} has no fixture.`)
  return fixture
}

function section({ id, level, title, why, docsUrl, unprovable }: Rule, { faults, nearMisses }: RuleFixture): string {
  const byProof = new Map<string, Fault[]>()
  for (const fault of faults) {
    const proof = proofOf(fault)
    byProof.set(proof, [...(byProof.get(proof) ?? []), fault])
  }
  const found = [...byProof].map(([proof, alike]) => `${proof}\n\n${alike.map(faultLine).join('\n')}`)
  return [
    `### ${id}`,
    `**${level}**: ${title}. ${why}`,
    ...(unprovable ? [`Why no statement shows it: ${unprovable}`] : []),
    ...found,
    `Quiet:\n\n${nearMisses.map((near) => `- ${nameOf(near)}`).join('\n')}`,
    `<${docsUrl}>`,
  ].join('\n\n')
}

function proofOf({ probe, plan, notShown, options }: Fault): string {
  if (probe) return `Finds, and shows with ${code(probe.sql)}${circumstances(probe, options?.appRole)}:`
  if (plan) return `Finds, and shows with the plan of ${code(plan.sql)}:`
  return notShown ? `Finds, and does not show: ${notShown}` : 'Finds:'
}

function circumstances({ as, tenant }: Probe, appRole: string | undefined): string {
  const who = as === undefined || as === appRole ? [] : [`as ${code(as)}`]
  const scope = {
    '': ['with the empty setting that a transaction leaves behind'],
    null: ['where no tenant was ever set'],
  }
  const said = [...who, ...(tenant === '' || tenant === null ? scope[`${tenant}`] : [])]
  return said.length === 0 ? '' : `, ${said.join(', ')}`
}

function faultLine(fault: Fault): string {
  const level = fault.level ? [fault.level] : []
  const person = fault.fixIs === 'person' ? ['a person decides'] : []
  const said = [...level, ...person].filter((words) => !fault.name.includes(words))
  return `- ${nameOf(fault)}${said.length === 0 ? '' : ` (${said.join(', ')})`}`
}

function nameOf({ name, since, before }: Fault | NearMiss): string {
  const version = since ? ` (PostgreSQL ${since} and later)` : before ? ` (before PostgreSQL ${before})` : ''
  // Outside of code, Markdown would take these for markup.
  return name.replaceAll(/[*_<>]/g, '\\$&') + version
}

/** On one line, with roles as they are called without the letters that make them this run's own. */
function code(sql: string): string {
  return `\`${sql
    .replaceAll(/\s+/g, ' ')
    .trim()
    .replaceAll(/_[0-9a-f]{8}\b/g, '')}\``
}
