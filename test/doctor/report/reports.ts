// Reports written by hand: what the outputs are tested with, whatever the rules say today.
import type { Finding, Report, TableProtection } from '../../../src/doctor/finding.js'
import type { RuleInfo } from '../../../src/doctor/report/groups.js'

const page = 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html'

export const rules: readonly RuleInfo[] = [
  {
    id: 'rls-disabled',
    level: 'error',
    title: 'Row-level security is off on a tenant table',
    why: 'Whoever may read the table reads the rows of every customer: nothing but the WHERE of each query keeps them apart, and the first one that forgets it shows one customer the data of another.',
    docsUrl: page,
  },
  {
    id: 'policy-widened',
    level: 'error',
    title: 'A second policy lets through what the first one stops',
    why: 'Permissive policies are joined by OR, so one that is wider than the tenant policy cancels it.',
    docsUrl: 'https://www.postgresql.org/docs/current/sql-createpolicy.html',
  },
  {
    id: 'tenant-index-missing',
    level: 'warning',
    title: 'No index leads with the tenant',
    why: 'Each query reads the rows of every tenant before it shows those of one.',
    docsUrl: 'https://www.postgresql.org/docs/current/indexes-multicolumn.html',
  },
  {
    id: 'unique-without-tenant',
    level: 'info',
    title: 'A unique key does not contain the tenant',
    why: 'Whoever inserts a value that another tenant has learns that somebody has it.',
    docsUrl: 'https://www.postgresql.org/docs/current/index-unique-checks.html',
  },
  {
    id: 'pooler-leaks-settings',
    level: 'error',
    title: 'The pooler hands settings on',
    why: 'What one client sets for its session, the next one reads.',
    docsUrl: 'https://www.pgbouncer.org/features.html',
  },
]

function finding(rule: string, more: Pick<Finding, 'object' | 'detail'> & Partial<Finding>): Finding {
  const known = rules.find(({ id }) => id === rule)
  if (!known) throw new Error(`The fixture has no rule ${rule}`)
  const { level, title, why, docsUrl } = known
  return { rule, level, title, why, docsUrl, fix: '', ...more }
}

export function protection(table: string, more: Partial<TableProtection> = {}): TableProtection {
  return {
    schema: 'public',
    table,
    rowLevelSecurity: true,
    forced: true,
    reads: true,
    writes: true,
    tenantNotNull: true,
    tenantIndex: true,
    foreignKeys: true,
    uniques: true,
    grants: true,
    ...more,
  }
}

const enable = (table: string): string => `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
-- The owner of a table skips its policies unless they are forced.
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
`
const off = 'The table has the tenant column, no policy, and row-level security is off.'

/** A shop whose invoices are open. */
export const report: Report = {
  findings: [
    finding('rls-disabled', { object: '"public"."invoices"', detail: off, fix: enable('"public"."invoices"') }),
    finding('rls-disabled', { object: '"public"."payments"', detail: off, fix: enable('"public"."payments"') }),
    finding('policy-widened', {
      object: '"support" on "public"."projects"',
      detail: 'It is PERMISSIVE, applies to the app role, and admits every row: USING (true).',
      fix: 'DROP POLICY "support" ON "public"."projects";\n',
      needsPerson:
        'Find out who uses the policy. If it is a support tool, give it a role with BYPASSRLS and drop the policy.',
    }),
    finding('tenant-index-missing', {
      object: '"public"."projects"',
      detail: 'No valid index has tenant_id as its first column.',
      fix: 'CREATE INDEX "projects_tenant_id_idx" ON "public"."projects" ("tenant_id");\n',
    }),
    finding('unique-without-tenant', {
      object: '"public"."projects_slug_key"',
      detail: 'UNIQUE (slug) holds across tenants, and slugs can be guessed.',
      needsPerson: 'Are slugs unique within a tenant, or everywhere, as in a URL? Within: put tenant_id in front.',
    }),
  ],
  checked: {
    database: 'shop',
    server: '15.18',
    connectedAs: 'postgres',
    appRole: 'app_user',
    tables: [
      protection('invoices', { rowLevelSecurity: false, forced: false, reads: false, writes: false }),
      protection('payments', { rowLevelSecurity: false, forced: false, reads: false, writes: false, uniques: null }),
      protection('projects', { reads: false, writes: false, tenantIndex: false, foreignKeys: null, uniques: false }),
      protection('tasks'),
    ],
    rules: ['rls-disabled', 'policy-widened', 'tenant-index-missing', 'unique-without-tenant'],
    notChecked: [],
  },
}

export const clean: Report = {
  findings: [],
  checked: { ...report.checked, tables: [protection('projects'), protection('tasks')] },
}

/** The same shop, of which somebody has hidden a part. */
export const halfSeen: Report = {
  ...report,
  checked: {
    ...report.checked,
    notChecked: [{ what: 'Functions', reason: 'The role "postgres" may not read pg_proc.' }],
  },
}

/** Each would do something in one of the outputs. */
export const hostileNames = [
  '<script>alert(1)</script>',
  `"><img src=x onerror='alert(1)'>`,
  '</style></code></pre><h1>All is well</h1>',
  'line\nbreak; DROP TABLE users; --',
  'carriage\rreturn; DROP TABLE users; --',
  'red \u001b[31m\u001b]0;title\u0007 and \u009b2J',
  'turned \u202egnp.exe\u202c and \u2028 broken',
  '[click here](https://evil.example) {0}',
  'quo"te\'s \\ $1 $& $$tenancy$$ */',
] as const

/** A report in which every name is somebody's attack. */
export const hostile: Report = {
  findings: hostileNames.flatMap((name) => {
    const object = `"public"."${name.replaceAll('"', '""')}"`
    return [
      finding('rls-disabled', { object, detail: `The table ${name} is open.`, fix: enable(object) }),
      finding('policy-widened', {
        object: `"support" on ${object}`,
        detail: `It admits every row of ${name}.`,
        fix: `DROP POLICY "support" ON ${object};\n`,
        needsPerson: `Find out who uses ${name}.`,
      }),
    ]
  }),
  checked: {
    ...report.checked,
    database: hostileNames[0],
    connectedAs: hostileNames[5],
    appRole: hostileNames[1],
    tables: hostileNames.map((name) => protection(name, { schema: name, rowLevelSecurity: false })),
    notChecked: hostileNames.map((name) => ({ what: name, reason: name })),
  },
}
