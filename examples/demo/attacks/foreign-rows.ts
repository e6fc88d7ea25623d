// Writing to another tenant: its rows, rows for it, and rows that refer to its.
import assert from 'node:assert/strict'
import { withTenant } from 'prisma-extension-tenancy'
import { ask } from '../http-client.js'
import { type Attack, leavesUntouched, refused, rowsOf } from './attack.js'

const nestedConnect: Attack = {
  tried: 'a task connected to another tenant’s project, and its task to an own project',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { attacker, victim, inside } = stage
      const [theirs] = await rowsOf(stage, victim, 'projects')
      const [theirTask] = await rowsOf(stage, victim, 'tasks')
      const project = { connect: { id: theirs.id } }
      return withTenant(attacker.id, async () => {
        await refused('P2003', () =>
          inside.prisma.task.create({ data: { title: 'Taken', tenantId: attacker.id, projectId: theirs.id } }),
        )
        await refused('P2018', () =>
          inside.prisma.project.create({ data: { name: 'Taken', tasks: { connect: { id: theirTask.id } } } }),
        )
        return refused('P2025', () => inside.prisma.task.create({ data: { title: 'Taken', project } }))
      })
    }),
}

const movedRow: Attack = {
  tried: 'an own row moved to another tenant',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { attacker, victim, inside } = stage
      const [own] = await rowsOf(stage, attacker, 'projects')
      const ended = await withTenant(attacker.id, async () => {
        await refused('TENANT.MISMATCH', () =>
          inside.prisma.project.update({ where: { id: own.id }, data: { company: { connect: { id: victim.id } } } }),
        )
        return refused('TENANT.MISMATCH', () =>
          inside.prisma.project.update({ where: { id: own.id }, data: { tenantId: victim.id } }),
        )
      })
      const [after] = await stage.truth<{ tenant_id: string }>('SELECT tenant_id FROM projects WHERE id = $1', [own.id])
      assert.equal(after?.tenant_id, attacker.id)
      return ended
    }),
}

const plantedRow: Attack = {
  tried: 'a new row with another tenant’s id: create, createMany, raw SQL',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { attacker, victim, inside } = stage
      const data = { name: 'Planted', tenantId: victim.id }
      return withTenant(attacker.id, async () => {
        await refused('TENANT.MISMATCH', () => inside.prisma.project.createMany({ data: [data] }))
        await refused('POLICY.VIOLATION', () =>
          inside.prisma.$executeRawUnsafe(
            `insert into projects (id, tenant_id, name) values (gen_random_uuid(), '${victim.id}', 'Planted')`,
          ),
        )
        return refused('TENANT.MISMATCH', () => inside.prisma.project.create({ data }))
      })
    }),
}

const changedRows: Attack = {
  tried: 'update and delete of another tenant’s rows: by tenant, by id, raw, over HTTP',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { attacker, victim, inside, service, tokenOf } = stage
      const [{ id }] = await rowsOf(stage, victim, 'tasks')
      const where = { tenantId: victim.id }
      await withTenant(attacker.id, async () => {
        assert.equal((await inside.prisma.task.updateMany({ where, data: { title: 'Mine' } })).count, 0)
        assert.equal((await inside.prisma.task.deleteMany({ where })).count, 0)
        assert.equal(await inside.prisma.$executeRaw`delete from projects where tenant_id = ${victim.id}::uuid`, 0)
        await refused('P2025', () => inside.prisma.task.update({ where: { id }, data: { title: 'Mine' } }))
        await refused('P2025', () => inside.prisma.task.delete({ where: { id } }))
      })
      const patch = await ask(service, `PATCH /tasks/${id}`, { token: tokenOf(attacker), body: { title: 'Mine' } })
      assert.equal(patch.status, 404)
      return '0 rows touched, 404 over HTTP'
    }),
}

export const FOREIGN_ROWS = [nestedConnect, movedRow, plantedRow, changedRows]
