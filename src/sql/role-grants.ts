import type { CheckedRoles, Role } from './role-options.js'

/** What each kind of role may do with tables and sequences. TRUNCATE is not for the app role: policies do not cover it. */
const rights = {
  app: { tables: 'SELECT, INSERT, UPDATE, DELETE', sequences: 'USAGE, SELECT' },
  migrator: { tables: 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE', sequences: 'USAGE, SELECT, UPDATE' },
  bypass: { tables: 'SELECT', sequences: undefined },
} as const

export type RoleKind = keyof typeof rights

/** What a role may do with what is there. */
export function grantsNow(kind: RoleKind, { quoted }: Role, { inSchemas }: CheckedRoles): string[] {
  const { tables, sequences } = rights[kind]
  return [
    `GRANT USAGE ON ${inSchemas.replace('IN ', '')} TO ${quoted};`,
    `GRANT ${tables} ON ALL TABLES ${inSchemas} TO ${quoted};`,
    ...(sequences === undefined ? [] : [`GRANT ${sequences} ON ALL SEQUENCES ${inSchemas} TO ${quoted};`]),
  ]
}

/** What a role may do with what the creator makes later. The creator is the owner where none is given. */
export function grantsLater(kind: RoleKind, { quoted }: Role, roles: CheckedRoles, creator = roles.owner): string[] {
  const { tables, sequences } = rights[kind]
  const alter = alterDefaults(roles, creator)
  return [
    `${alter} GRANT ${tables} ON TABLES TO ${quoted};`,
    ...(sequences === undefined ? [] : [`${alter} GRANT ${sequences} ON SEQUENCES TO ${quoted};`]),
  ]
}

/** Takes all of it back. */
export function revokes({ quoted }: Role, roles: CheckedRoles): string[] {
  const { inSchemas, migrator } = roles
  const creators = [roles.owner, ...(migrator === undefined || roles.migratorOwns ? [] : [migrator])]
  return [
    ...creators.flatMap((creator) => [
      `${alterDefaults(roles, creator)} REVOKE ALL ON TABLES FROM ${quoted};`,
      `${alterDefaults(roles, creator)} REVOKE ALL ON SEQUENCES FROM ${quoted};`,
    ]),
    `REVOKE ALL ON ALL TABLES ${inSchemas} FROM ${quoted};`,
    `REVOKE ALL ON ALL SEQUENCES ${inSchemas} FROM ${quoted};`,
    `REVOKE ALL ON ${inSchemas.replace('IN ', '')} FROM ${quoted};`,
  ]
}

export function alterDefaults({ inSchemas }: CheckedRoles, creator: Role | undefined): string {
  return `ALTER DEFAULT PRIVILEGES${creator === undefined ? '' : ` FOR ROLE ${creator.quoted}`} ${inSchemas}`
}
