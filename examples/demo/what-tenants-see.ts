import assert from 'node:assert/strict'
import type { Report } from '../http-service/report.js'
import type { Claims } from './claims.js'
import { COMPANIES, type Company } from './companies.js'
import { ask } from './http-client.js'
import { printTable } from './printing.js'
import type { Stage } from './stage.js'

type Counts = Pick<Report, 'projects' | 'tasks' | 'open' | 'members'>

export async function whatTenantsSee(stage: Stage, claims: Claims): Promise<void> {
  const rows: { company: Company; seen: Counts; real: Counts }[] = []
  for (const company of COMPANIES) {
    const { body: seen } = await ask<Report>(stage.service, 'GET /report', { token: stage.tokenOf(company) })
    rows.push({ company, seen, real: await realCounts(stage, company) })
  }
  const cells = ({ projects, tasks, open, members }: Counts): string[] => [projects, tasks, open, members].map(String)
  printTable(
    ['', 'projects', 'tasks', 'open', 'members'],
    [
      ...rows.map(({ company, seen }) => [company.name, ...cells(seen)]),
      ['all, as a superuser counts', ...cells(await realCounts(stage))],
    ],
  )
  for (const { company, seen, real } of rows) {
    await claims.claim(`${company.name} sees all of its rows and no other`, async () => {
      assert.ok(real.projects > 0 && real.tasks > 0 && real.members > 0, 'there is nothing to see')
      assert.deepEqual(cells(seen), cells(real))
      const ids = await projectIds(stage, company)
      const own = await stage.truth<{ id: string }>('SELECT id FROM projects WHERE tenant_id = $1', [company.id])
      assert.deepEqual(ids.sort(), own.map(({ id }) => id).sort())
      return `the report's counts and ${ids.length} project ids, page by page, are the superuser's`
    })
  }
}

async function realCounts({ truth }: Stage, company?: Company): Promise<Counts> {
  const [counts] = await truth<Counts>(
    `SELECT (SELECT count(*)::int FROM projects WHERE $1::uuid IS NULL OR tenant_id = $1) AS projects,
            (SELECT count(*)::int FROM members WHERE $1::uuid IS NULL OR tenant_id = $1) AS members,
            count(*)::int AS tasks, count(*) FILTER (WHERE NOT done)::int AS open
     FROM tasks WHERE $1::uuid IS NULL OR tenant_id = $1`,
    [company?.id ?? null],
  )
  assert.ok(counts)
  return counts
}

async function projectIds({ service, tokenOf }: Stage, company: Company): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const page = ids.length === 0 ? '' : `?after=${ids.at(-1)}`
    const { body } = await ask<{ projects: { id: string }[] }>(service, `GET /projects${page}`, {
      token: tokenOf(company),
    })
    if (body.projects.length === 0) return ids
    ids.push(...body.projects.map(({ id }) => id))
  }
}
