import type { Level } from '../finding.js'
import type { Rule } from '../rule.js'

interface Vulnerability {
  readonly cve: string
  readonly what: string
  readonly level: Level
  /** The first major version that has it. */
  readonly since: number
  /** The first minor release of each major version without it. A later major version never had it. */
  readonly fixed: Readonly<Record<number, number>>
}

/** What let a role past policies or showed it what they hide: https://www.postgresql.org/support/security/ */
const vulnerabilities: readonly Vulnerability[] = [
  {
    cve: 'CVE-2026-120154',
    what: "INSERT … ON CONFLICT DO UPDATE shows every tenant's rows to its conditions",
    level: 'error',
    since: 10,
    fixed: { 14: 25, 15: 20, 16: 16, 17: 12, 18: 7 },
  },
  {
    cve: 'CVE-2025-8713',
    what: 'statistics of partitions and inheritance children show samples of rows that policies hide',
    level: 'warning',
    since: 10,
    fixed: { 13: 22, 14: 19, 15: 14, 16: 10, 17: 6 },
  },
  {
    cve: 'CVE-2024-10976',
    what: "a plan made for one role runs for another with the first one's policies, where the table is in a subquery",
    level: 'warning',
    since: 10,
    fixed: { 12: 21, 13: 17, 14: 14, 15: 9, 16: 5, 17: 1 },
  },
  {
    cve: 'CVE-2024-4317',
    what: 'extended statistics show values that policies hide, and an upgrade alone does not mend it: run fix-CVE-2024-4317.sql as its release notes say',
    level: 'warning',
    since: 14,
    fixed: { 14: 12, 15: 7, 16: 3 },
  },
  {
    cve: 'CVE-2023-39418',
    what: 'MERGE asks the policies for INSERT where it updates',
    level: 'warning',
    since: 15,
    fixed: { 15: 4 },
  },
  {
    cve: 'CVE-2023-2455',
    what: "a plan made for one role runs for another with the first one's policies, where a function was inlined",
    level: 'warning',
    since: 10,
    fixed: { 11: 20, 12: 15, 13: 11, 14: 8, 15: 3 },
  },
]

export const serverOutdated: Rule = {
  id: 'server-outdated',
  level: 'warning',
  title: 'The server has known holes in row-level security',
  why: 'Policies are only as good as the server that asks them. These faults of PostgreSQL are published, with the way to use them, and have been mended in a minor release: until that is installed, correct policies do not keep what they promise.',
  docsUrl: 'https://www.postgresql.org/support/security/',
  harm: 'other',
  unprovable: 'It takes another server to show the difference, not another database.',
  check: ({ catalog: { server } }) => {
    const major = Math.floor(server.number / 10_000)
    const open = vulnerabilities.filter((each) => hasIt(each, major, server.number % 10_000))
    if (open.length === 0) return []
    const needed = Math.max(...open.map(({ fixed }) => fixed[major] ?? Number.POSITIVE_INFINITY))
    const release = Number.isFinite(needed) ? `${major}.${needed}` : 'a major version that is still maintained'
    return [
      {
        object: `PostgreSQL ${server.version}`,
        level: open.some(({ level }) => level === 'error') ? 'error' : 'warning',
        detail: `${open.map(({ cve, what }) => `${cve}: ${what}`).join('; ')}.`,
        needsPerson: `Install ${release} or later: a minor release needs new binaries and a restart, no dump.`,
      },
    ]
  },
}

function hasIt({ since, fixed }: Vulnerability, major: number, minor: number): boolean {
  const release = fixed[major]
  if (release !== undefined) return minor < release
  // What is older than every mended version was not maintained any more.
  return major >= since && major < Math.min(...Object.keys(fixed).map(Number))
}
