// Past the policies or past the library.
import assert from 'node:assert/strict'
import { PrismaPg } from '@prisma/adapter-pg'
import { withTenant } from 'prisma-extension-tenancy'
import { PrismaClient } from '../../../generated/example/client.js'
import { openDatabase } from '../../http-service/db.js'
import { PASSWORD } from '../companies.js'
import { ask } from '../http-client.js'
import { type Attack, leavesUntouched, refused, rowsOf } from './attack.js'

const SQL = "00000000-0000-0000-0000-000000000000' or true; set app.tenant_id = 'x'; --"

const idFullOfSql: Attack = {
  tried: 'an id full of SQL, as a tenant, as a key and in a URL',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { attacker, inside, service, tokenOf } = stage
      const path = `GET /projects/${encodeURIComponent(SQL)}` as const
      assert.equal((await ask(service, path, { token: tokenOf(attacker) })).status, 404)
      await withTenant(attacker.id, () =>
        refused('P2007', () => inside.prisma.project.findUnique({ where: { id: SQL } })),
      )
      return refused('TENANT.INVALID_ID', () => withTenant(SQL, () => inside.prisma.project.findMany()))
    }),
}

const bareClient: Attack = {
  tried: 'a PrismaClient on the same pool, without the extension',
  async attempt(stage) {
    const { attacker, inside } = stage
    await rowsOf(stage, attacker, 'projects')
    const bare = new PrismaClient({ adapter: new PrismaPg(inside.pool) })
    try {
      return await withTenant(attacker.id, () => refused('CONFIG.INVALID', () => bare.project.findMany()))
    } finally {
      await bare.$disconnect()
    }
  },
}

const strongerRole: Attack = {
  tried: 'the service logged in as a superuser, and as the owner of the tables',
  async attempt(stage) {
    const { attacker, database } = stage
    await rowsOf(stage, attacker, 'projects')
    let ended = ''
    for (const url of [database.superuserUrl, database.ownerUrl]) {
      const { prisma, close } = openDatabase(url)
      try {
        ended = await refused('ROLE.BYPASSES_RLS', () => withTenant(attacker.id, () => prisma.project.findMany()))
      } finally {
        await close()
      }
    }
    return ended
  },
}

const rawCommit: Attack = {
  tried: 'COMMIT as raw SQL in the middle of a transaction',
  attempt: (stage) =>
    leavesUntouched(stage, async () => {
      const { attacker, victim, inside, truth } = stage
      const name = 'After the COMMIT'
      const ended = await withTenant(attacker.id, () =>
        refused('QUERY.UNSUPPORTED', () =>
          inside.prisma.$transaction(async (tx) => {
            assert.ok((await tx.project.count()) > 0)
            await tx.$executeRaw`COMMIT`
            await tx.project.create({ data: { name } })
          }),
        ),
      )
      assert.deepEqual(await truth('SELECT id FROM projects WHERE name = $1', [name]), [])
      const theirs = await rowsOf(stage, victim, 'projects')
      assert.equal(await withTenant(victim.id, () => inside.prisma.project.count()), theirs.length)
      return `what followed was ${ended}`
    }),
}

const noLogin: Attack = {
  tried: 'no token, a made-up token, and the other company’s password',
  async attempt(stage) {
    const { attacker, victim, service, tokenOf } = stage
    assert.equal((await ask(service, 'GET /report', { token: tokenOf(attacker) })).status, 200)
    assert.equal((await ask(service, 'GET /report')).status, 401)
    assert.equal((await ask(service, 'GET /report', { token: tokenOf(attacker).replace(/^./, '.') })).status, 401)
    const body = { email: `member1@${attacker.host}`, password: PASSWORD }
    assert.equal((await ask(service, 'POST /login', { host: attacker.host, body })).status, 201)
    assert.equal((await ask(service, 'POST /login', { host: victim.host, body })).status, 401)
    return '401 each time'
  },
}

export const WAYS_ROUND = [idFullOfSql, bareClient, strongerRole, rawCommit, noLogin]
