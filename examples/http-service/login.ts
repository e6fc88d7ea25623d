import { withoutTenant, withTenant } from 'prisma-extension-tenancy'
import type { Prisma } from './db.js'
import { HttpError } from './http-error.js'
import { type JsonBody, textOf } from './json-body.js'
import { isPassword } from './password.js'
import type { Sessions } from './sessions.js'

export interface LoggedIn {
  readonly company: string
  readonly name: string
  readonly token: string
}

/** POST /login: the host says which company, and only then is there a tenant whose members can be looked at. */
export async function logIn(prisma: Prisma, sessions: Sessions, host: string, body: JsonBody): Promise<LoggedIn> {
  const email = textOf(body, 'email')
  const password = textOf(body, 'password')
  // The one place without a tenant. Companies are a shared table; members would show nothing here.
  const company = await withoutTenant(() => prisma.company.findUnique({ where: { host } }))
  if (company === null) throw new HttpError(404, 'There is no company at this address.')
  return withTenant(company.id, async () => {
    const member = await prisma.member.findFirst({ where: { email } })
    if (member === null || !(await isPassword(password, member.passwordHash))) {
      throw new HttpError(401, 'The e-mail address or the password is wrong.')
    }
    return {
      company: company.name,
      name: member.name,
      token: sessions.open({ companyId: company.id, memberId: member.id }),
    }
  })
}
