// A project as a team has it before row-level security: a tenant column here and there, and nothing that enforces it.
import { randomBytes } from 'node:crypto'

import { runSql, startPostgres, type TestDatabase } from '../support/postgres.js'
import { ddlOf } from '../support/prisma-ddl.js'
import { newProject, type TestProject } from './command.js'

export const SCHEMA = `generator client {
  provider = "prisma-client"
  output   = "../generated"
}

datasource db {
  provider = "postgresql"
}

/// One customer.
model Company {
  id       String    @id @default(uuid()) @db.Uuid
  name     String
  projects Project[]
  tasks    Task[]

  @@map("companies")
}

model Project {
  id        String   @id @default(uuid()) @db.Uuid
  companyId String   @map("company_id") @db.Uuid // whose
  company   Company  @relation(fields: [companyId], references: [id], onDelete: Cascade)
  key       String   @unique
  country   Country? @relation(fields: [countryCode], references: [code])
  countryCode String? @map("country_code")
  tasks     Task[]

  @@map("projects")
}

model Task {
  id        String    @id @default(uuid()) @db.Uuid
  companyId String    @map("company_id") @db.Uuid
  company   Company   @relation(fields: [companyId], references: [id], onDelete: Cascade)
  projectId String    @map("project_id") @db.Uuid
  project   Project   @relation(fields: [projectId], references: [id], onDelete: Cascade)
  title     String
  createdAt DateTime  @default(now()) @map("created_at")
  comments  Comment[]

  @@map("tasks")
}

model Comment {
  id     Int    @id @default(autoincrement())
  taskId String @map("task_id") @db.Uuid
  task   Task   @relation(fields: [taskId], references: [id], onDelete: Cascade)
  text   String

  @@map("comments")
}

model Country {
  code     String    @id
  name     String
  projects Project[]

  @@map("countries")
}
`

/** Roles belong to the whole server, which other tests share. */
export function roleNames(): { app: string; migrator: string; bypass: string } {
  const tag = randomBytes(4).toString('hex')
  return { app: `app_${tag}`, migrator: `migrator_${tag}`, bypass: `bypass_${tag}` }
}

export function configOf(more: object = {}): string {
  return `${JSON.stringify({ tenantModel: 'Company', column: 'company_id', shared: ['Country'], ...more }, undefined, 2)}\n`
}

export const A = 'aaaaaaaa-0000-4000-8000-000000000001'
export const B = 'bbbbbbbb-0000-4000-8000-000000000002'

export interface Example {
  readonly project: TestProject
  readonly database: TestDatabase
  /** A superuser's. */
  readonly url: string
  readonly roles: ReturnType<typeof roleNames>
  close(): Promise<void>
}

/** The project with its configuration, and its database with two companies, a project and two tasks each. */
export async function newExample(config: object = {}): Promise<Example> {
  const roles = roleNames()
  const project = await newProject({
    'prisma/schema.prisma': SCHEMA,
    'tenancy.config.json': configOf({ roles, ...config }),
  })
  const { createDatabase } = await startPostgres()
  const database = await createDatabase()
  await runSql(database.adminUrl, await ddlOf([{ path: 'schema.prisma', text: SCHEMA }]))
  await runSql(database.adminUrl, ROWS)
  return {
    project,
    database,
    url: database.adminUrl,
    roles,
    async close() {
      const [{ current = '' } = {}] = await runSql<{ current: string }>(
        database.adminUrl,
        'SELECT current_database() AS current',
      )
      const names = Object.values(roles).join(', ')
      const found = await runSql(
        database.adminUrl,
        `SELECT FROM pg_roles WHERE rolname IN ('${Object.values(roles).join("', '")}')`,
      )
      if (found.length === 3)
        await runSql(
          database.adminUrl,
          `REASSIGN OWNED BY ${names} TO postgres; DROP OWNED BY ${names}; DROP ROLE ${names}`,
        )
      if (current !== '') await database.drop()
      await project.remove()
    },
  }
}

/** Rows of both, under ids that end alike. */
const ROWS = [A, B]
  .map((id, n) => {
    const of = (part: string): string => `${id.slice(0, 8)}-${part}-4000-8000-000000000000`
    return `INSERT INTO companies (id, name) VALUES ('${id}', 'Company ${n}');
INSERT INTO projects (id, company_id, key) VALUES ('${of('1111')}', '${id}', 'project-${n}');
INSERT INTO tasks (id, company_id, project_id, title) VALUES ('${of('2222')}', '${id}', '${of('1111')}', 'First'), ('${of('3333')}', '${id}', '${of('1111')}', 'Second');
INSERT INTO comments (task_id, text) VALUES ('${of('2222')}', 'Fine');`
  })
  .join('\n')

/** A task of A in a project of B, which only a foreign key with the tenant would have refused. */
export const BROKEN_ROW = `UPDATE tasks SET project_id = '${B.slice(0, 8)}-1111-4000-8000-000000000000' WHERE id = '${A.slice(0, 8)}-2222-4000-8000-000000000000'`
