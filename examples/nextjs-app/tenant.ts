import { cookies } from 'next/headers.js'
import { notFound, redirect } from 'next/navigation.js'
import { isTenancyError } from 'prisma-extension-tenancy'
import { fromSubdomain, tenantScope } from 'prisma-extension-tenancy/next'
import { prisma, sessions } from './server.js'

/** Below which each company has a name: `acme.localhost`, which every browser finds on its own machine. */
const DOMAIN = process.env.DOMAIN ?? 'localhost'

const session = async () => sessions.find(`Bearer ${(await cookies()).get('session')?.value}`)

const scope = tenantScope({
  // The address says which company, and the session decides whether to believe it.
  tenant: fromSubdomain({
    of: DOMAIN,
    find: async (name) => (await prisma.company.findUnique({ where: { host: `${name}.${DOMAIN}` } }))?.id,
  }),
  user: session,
  authorize: (session, companyId) => session?.companyId === companyId,
})

/** A route handler, for the company at whose address it is called. */
export const { route } = scope

/** A server action, or what a page awaits. Where a program gets a status, a person gets the login, or no page. */
export function action<Given extends unknown[], Result>(fn: (...given: Given) => Promise<Result>) {
  const inScope = scope.action(fn)
  return async (...given: Given): Promise<Result> => {
    try {
      return await inScope(...given)
    } catch (error) {
      if (!isTenancyError(error) || !['TENANT.MISMATCH', 'TENANT.REQUIRED'].includes(error.code)) throw error
      if ((await session()) === undefined) redirect('/login')
      notFound()
    }
  }
}
