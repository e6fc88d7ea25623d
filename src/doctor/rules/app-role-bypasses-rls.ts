import { quoteIdentifier } from '../../sql/quote.js'
import type { Rule } from '../rule.js'

export const appRoleBypassesRls: Rule = {
  id: 'app-role-bypasses-rls',
  level: 'error',
  title: 'Policies do not hold the app role',
  why: 'PostgreSQL asks no policy when such a role reads or writes: every query of the service sees the rows of every customer, and nothing but the WHERE of that query keeps them apart. All other protection in this report is then without effect.',
  docsUrl: 'https://www.postgresql.org/docs/current/ddl-rowsecurity.html',
  harm: 'leak',
  check: ({ appRole }) => {
    const rights = [
      ...(appRole.superuser ? ['SUPERUSER'] : []),
      ...(appRole.bypassRls ? ['BYPASSRLS'] : []),
      ...(appRole.replication ? ['REPLICATION'] : []),
    ]
    if (rights.length === 0) return []
    const role = quoteIdentifier(appRole.name)
    const stream = appRole.replication ? ' REPLICATION lets it copy the whole server, row by row or file by file.' : ''
    return [
      {
        object: role,
        detail: `The role that the service logs in with is ${rights.join(' and ')}.${stream}`,
        fix: `-- As a superuser.\nALTER ROLE ${role} ${rights.map((right) => `NO${right}`).join(' ')};\n`,
        needsPerson: appRole.superuser
          ? 'A superuser needs no grants, so without the attribute it can do nothing before it is granted the tables, and the first superuser of a server cannot lose it. Give the service a role of its own instead: tenantRoles() of prisma-extension-tenancy/sql writes one.'
          : undefined,
      },
    ]
  },
}
