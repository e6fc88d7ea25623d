// Proves that a role from which row-level security hides nothing is refused at its first query, whatever that query is.
import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { withoutTenant, withTenant } from '../src/context.js'
import type { PortableOptions } from '../src/extension.js'
import { createTestDatabase, rowsSeenBySuperuser, seedTenants, type TenantDatabase } from './support/database.js'
import { type Mode, type ModeOptions, modes, openMode } from './support/modes.js'
import { runSql, urlOf } from './support/postgres.js'
import { ROLES } from './support/template.js'

let db: TenantDatabase
const member = `member_${randomBytes(4).toString('hex')}`
beforeAll(async () => {
  db = await createTestDatabase()
  await runSql(db.adminUrl, `CREATE ROLE ${member} LOGIN PASSWORD '${member}'; GRANT ${ROLES.owner} TO ${member}`)
})
afterAll(async () => {
  await db.drop()
  await runSql(urlOf(db.adminUrl, { database: 'postgres' }), `DROP ROLE ${member}`)
})

const roles: [role: string, url: () => string, why: RegExp][] = [
  ['a superuser', () => db.adminUrl, /it is a superuser\.$/m],
  ['a BYPASSRLS role', () => db.bypassUrl, /it has BYPASSRLS\.$/m],
  ['the owner of protected tables', () => db.ownerUrl, /it owns (?:projects|tasks), or is a member of its owner\.$/m],
  [
    'a member of the owner role',
    () => urlOf(db.appUrl, { user: member, password: member }),
    /it owns (?:projects|tasks), or is a member of its owner\.$/m,
  ],
]

describe.each(modes)('in %s mode', (mode) => {
  describe.each(roles)('%s', (_, url, why) => {
    test('is refused at the first query, and at each one after it', async () => {
      const { prisma, pool, close } = await openMode(mode, url())
      const id = randomUUID()
      const queries: (() => Promise<unknown>)[] = [
        () => withTenant(id, () => prisma.project.findMany()),
        () => withTenant(id, () => prisma.project.findUnique({ where: { id } })),
        () => withTenant(id, () => prisma.$queryRaw`SELECT 1`),
        () => withTenant(id, () => prisma.$executeRaw`DELETE FROM projects`),
        () => withTenant(id, () => prisma.$transaction([prisma.project.deleteMany(), prisma.plan.findMany()])),
        () => withTenant(id, () => prisma.$transaction(async (tx) => tx.project.deleteMany())),
        () => withoutTenant(() => prisma.project.deleteMany()),
        async () => prisma.$forTenant(id).project.deleteMany(),
      ]
      if (mode === 'pool') {
        queries.push(() => withTenant(id, () => pool.query('SELECT 1')))
        queries.push(() => pool.connect())
      }
      const [seeded] = await seedTenants(db, [randomUUID()])
      for (const query of queries) {
        await expect(query()).rejects.toMatchObject({
          name: 'TenancyError',
          code: 'ROLE.BYPASSES_RLS',
          message: expect.stringMatching(why),
          hint: expect.stringContaining('Log in as an app role'),
        })
      }
      const left = 'SELECT id FROM projects WHERE tenant_id = $1'
      expect(await rowsSeenBySuperuser(db, left, [seeded.tenantId])).toHaveLength(seeded.projectIds.length)
      await close()
    })

    test('is let in by an option that says what it does', async () => {
      const { prisma, close } = await openMode(mode, url(), dangerously(mode))
      expect(await withTenant(randomUUID(), () => prisma.$queryRaw`SELECT 1 AS one`)).toEqual([{ one: 1 }])
      await close()
    })
  })

  test('the app role is let in', async () => {
    const { prisma, close } = await openMode(mode, db.appUrl)
    const [tenant] = await seedTenants(db, [randomUUID()])
    const rows = await withTenant(tenant.tenantId, () => prisma.project.findMany())
    expect(rows.map(({ id }) => id).sort()).toEqual([...tenant.projectIds].sort())
    await close()
  })

  test('a role that reads strings another way than the gate is refused, dangerously or not', async () => {
    const options = { options: '-c standard_conforming_strings=off' }
    for (const more of [{}, dangerously(mode)]) {
      const { prisma, close } = await openMode(mode, db.appUrl, { pool: options, ...more })
      await expect(withTenant(randomUUID(), () => prisma.plan.findMany())).rejects.toMatchObject({
        code: 'CONFIG.INVALID',
        hint: expect.stringContaining('RESET standard_conforming_strings'),
      })
      await close()
    }
  })
})

function dangerously(mode: Mode): ModeOptions {
  const option: PortableOptions = { dangerouslyAllowRoleThatBypassesRls: true }
  return mode === 'pool' ? { tenantPool: { dangerouslyAllowRoleThatBypassesRls: true } } : { binding: option }
}
