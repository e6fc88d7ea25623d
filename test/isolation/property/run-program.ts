// Runs a program with one actor for each tenant, all at once, and compares the database with what their oracles hold.
import { expect } from 'vitest'
import { rowsSeenBySuperuser, type TenantDatabase } from '../../support/database.js'
import type { TenantPrisma } from '../../support/modes.js'
import { runSql } from '../../support/postgres.js'
import { Actor } from './actor.js'
import { type Oracle, projectId, taskId, tenantId } from './oracle.js'
import type { Command } from './program.js'

/** Runs a program on an empty database, and returns how many operations that took. */
export async function runProgram(
  db: TenantDatabase,
  prisma: TenantPrisma,
  commands: readonly Command[][],
): Promise<number> {
  await runSql(db.adminUrl, 'TRUNCATE projects, tasks')
  const actors = commands.map((_, tenant) => new Actor(tenant, prisma))
  const ends = await Promise.allSettled(actors.map((actor, tenant) => actor.run(commands[tenant] ?? [])))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  expect(await everything(db)).toEqual(predicted(actors.map(({ oracle }) => oracle)))
  return actors.reduce((sum, actor) => sum + actor.operations, 0)
}

async function everything(db: TenantDatabase): Promise<{ projects: object[]; tasks: object[] }> {
  return {
    projects: await rowsSeenBySuperuser(db, 'SELECT tenant_id, id, budget FROM projects ORDER BY id'),
    tasks: await rowsSeenBySuperuser(db, 'SELECT tenant_id, id, project_id FROM tasks ORDER BY id'),
  }
}

function predicted(oracles: readonly Oracle[]): { projects: object[]; tasks: object[] } {
  const of = <T>(each: (oracle: Oracle, tenant: number) => T[]) => oracles.flatMap(each)
  return {
    projects: of((oracle, tenant) =>
      oracle.sorted().map(([slot, budget]) => ({ tenant_id: tenantId(tenant), id: projectId(tenant, slot), budget })),
    ),
    tasks: of((oracle, tenant) =>
      [...oracle.tasks]
        .sort(([a], [b]) => a - b)
        .map(([task, slot]) => ({
          tenant_id: tenantId(tenant),
          id: taskId(tenant, task),
          project_id: projectId(tenant, slot),
        })),
    ),
  }
}
