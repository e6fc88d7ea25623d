import { quoteIdentifier } from '../../sql/quote.js'
import type { Facts } from '../facts.js'
import { nameOfRole, revokeMembership } from '../revoke.js'
import type { Problem, Rule } from '../rule.js'
import { waysOut, whyTooStrong } from '../too-strong.js'

export const appRoleCanBecome: Rule = {
  id: 'app-role-can-become',
  level: 'error',
  title: 'The app role can become a role that policies do not hold',
  why: 'A member of a role may SET ROLE to it, in the middle of any transaction. Whoever gets one statement of their own into the service, by an injected string or a raw query, is then that role and reads the rows of every customer.',
  docsUrl: 'https://www.postgresql.org/docs/current/role-membership.html',
  harm: 'leak',
  check: (facts) => {
    const { appRole } = facts
    // A superuser can become every role, and needs to become none.
    if (appRole.superuser) return []
    return [...createsRoles(facts), ...memberships(facts)]
  },
}

function createsRoles({ appRole, catalog }: Facts): Problem[] {
  if (!appRole.createRole || catalog.server.number >= 160_000) return []
  const role = quoteIdentifier(appRole.name)
  return [
    {
      object: role,
      detail:
        'It has CREATEROLE, and before PostgreSQL 16 such a role may make itself a member of each role that is no superuser.',
      fix: `-- As a superuser.\nALTER ROLE ${role} NOCREATEROLE;\n`,
    },
  ]
}

function memberships(facts: Facts): Problem[] {
  const found: Problem[] = []
  for (const { role, way, becomes } of waysOut(facts)) {
    const why = whyTooStrong(role, becomes, facts)
    if (why === undefined) continue
    const [first] = way
    if (!first || first.grantor === null) continue
    const direct = way.length === 1
    const path = way.map((step) => nameOfRole(step.role, facts)).join(', and through it of ')
    const same = facts.catalog.memberships.filter(
      ({ role: of, member }) => of === first.role && member === first.member,
    )
    found.push({
      object: quoteIdentifier(role.name),
      detail: `The app role is a member of ${path}, which ${why}.`,
      fix: `-- As a superuser.\n${same.map((step) => revokeMembership(step, facts)).join('')}`,
      needsPerson: direct
        ? undefined
        : `Decide where to cut: the app role leaves ${nameOfRole(first.role, facts)}, and loses what else it has through it, or ${nameOfRole(first.role, facts)} leaves the role that is too strong.`,
    })
  }
  return found
}
