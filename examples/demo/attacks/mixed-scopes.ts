// Two tenants in one piece of code, and none at all.
import assert from 'node:assert/strict'
import { withoutTenant, withTenant } from 'prisma-extension-tenancy'
import { type Attack, leavesUntouched, refused, rowsOf } from './attack.js'

const arrayOfTwo: Attack = {
  tried: '$transaction([…]) with one promise of each tenant',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { attacker, victim, inside, truth } = stage
      const name = (company: typeof victim): string => `Together, ${company.name}`
      // In an object: a promise that withTenant is given to return is awaited there.
      const made = (company: typeof victim) =>
        withTenant(company.id, () => ({ promise: inside.prisma.project.create({ data: { name: name(company) } }) }))
      const [own, theirs] = [await made(attacker), await made(victim)]
      const ended = await withTenant(attacker.id, () =>
        refused('TENANT.MISMATCH', () => inside.prisma.$transaction([own.promise, theirs.promise])),
      )
      assert.deepEqual(await truth("SELECT name FROM projects WHERE name LIKE 'Together%'"), [])
      return `${ended}, and neither was written`
    }),
}

const borrowedTransaction: Attack = {
  tried: 'a transaction’s client, used in another tenant’s scope',
  async attempt(stage) {
    const { attacker, victim, inside } = stage
    const [{ id }] = await rowsOf(stage, victim, 'projects')
    return withTenant(victim.id, () =>
      inside.prisma.$transaction(async (tx) => {
        assert.equal((await tx.project.findUnique({ where: { id } }))?.id, id)
        await withTenant(attacker.id, () => refused('TENANT.MISMATCH', () => tx.$queryRaw`select * from projects`))
        return withTenant(attacker.id, () => refused('TENANT.MISMATCH', () => tx.project.findMany()))
      }),
    )
  },
}

const foreignPromise: Attack = {
  tried: 'a query made by one tenant, awaited by the other',
  async attempt(stage) {
    const { attacker, victim, inside } = stage
    const [real, own] = [await rowsOf(stage, victim, 'projects'), await rowsOf(stage, attacker, 'projects')]
    assert.notEqual(real.length, own.length)
    const { promise } = await withTenant(attacker.id, () => ({ promise: inside.prisma.project.count() }))
    assert.equal(await withTenant(victim.id, () => promise), own.length)
    return 'it ran as the tenant that made it'
  },
}

const noTenant: Attack = {
  tried: 'no tenant at all',
  async attempt(stage) {
    const { attacker, inside, proxy } = stage
    await rowsOf(stage, attacker, 'projects')
    proxy.reset()
    await refused('TENANT.REQUIRED', () => inside.prisma.$queryRaw`select * from projects`)
    await refused('TENANT.REQUIRED', () => inside.prisma.$transaction((tx) => tx.project.findMany()))
    await refused('TENANT.REQUIRED', () => inside.pool.query('select * from projects'))
    const ended = await refused('TENANT.REQUIRED', () => inside.prisma.project.findMany())
    assert.equal(proxy.flights(), 0, 'the database was asked')
    return `${ended}, before the database was asked`
  },
}

const deliberatelyNone: Attack = {
  tried: 'withoutTenant, the login’s way in',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { inside } = stage
      return withoutTenant(async () => {
        assert.ok((await inside.prisma.company.count()) > 0)
        assert.equal(await inside.prisma.project.count(), 0)
        assert.equal((await inside.prisma.task.deleteMany()).count, 0)
        await refused('POLICY.VIOLATION', () => inside.prisma.project.create({ data: { name: 'Nobody’s' } }))
        return 'it finds the companies, no projects, and writes none'
      })
    }),
}

export const MIXED_SCOPES = [arrayOfTwo, borrowedTransaction, foreignPromise, noTenant, deliberatelyNone]
