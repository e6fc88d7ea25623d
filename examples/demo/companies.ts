import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import { hashPassword } from '../http-service/password.js'

export interface Company {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly projects: number
  readonly members: number
}

/** Everybody's: this database lives as long as the demo. */
export const PASSWORD = 'correct horse battery staple'

const TASKS_PER_PROJECT = 15

/** Three companies of different size, so that no two counts can be taken for each other. */
export const COMPANIES: readonly [Company, Company, Company] = [
  { id: randomUUID(), name: 'Acme', host: 'acme.example', projects: 120, members: 12 },
  { id: randomUUID(), name: 'Birch', host: 'birch.example', projects: 80, members: 8 },
  { id: randomUUID(), name: 'Cedar', host: 'cedar.example', projects: 40, members: 4 },
]

/** As a superuser, to whom no policy applies. Names repeat from company to company, ids do not. */
export async function seedCompanies(superuser: Client): Promise<void> {
  const passwordHash = await hashPassword(PASSWORD)
  await superuser.query(`INSERT INTO plans (id, name) VALUES (1, 'Starter'), (2, 'Team'), (3, 'Enterprise')`)
  for (const [index, { id, name, host, projects, members }] of COMPANIES.entries()) {
    await superuser.query('INSERT INTO companies (id, name, host, plan_id) VALUES ($1, $2, $3, $4)', [
      id,
      name,
      host,
      3 - index,
    ])
    await superuser.query(
      `INSERT INTO members (id, tenant_id, email, name, password_hash)
       SELECT gen_random_uuid(), $1, 'member' || n || '@' || $2::text, 'Member ' || n, $3
       FROM generate_series(1, $4::int) AS n`,
      [id, host, passwordHash, members],
    )
    await superuser.query(
      `INSERT INTO projects (id, tenant_id, name, created_at)
       SELECT gen_random_uuid(), $1, 'Project ' || n, now() - n * interval '1 hour'
       FROM generate_series(1, $2::int) AS n`,
      [id, projects],
    )
    await superuser.query(
      `INSERT INTO tasks (id, tenant_id, project_id, title, hours, done)
       SELECT gen_random_uuid(), tenant_id, id, 'Task ' || n, 1 + n % 8, n % 3 = 0
       FROM projects CROSS JOIN generate_series(1, $2::int) AS n WHERE tenant_id = $1`,
      [id, TASKS_PER_PROJECT],
    )
  }
  await superuser.query('ANALYZE')
}
