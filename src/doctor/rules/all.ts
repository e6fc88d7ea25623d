import type { Rule } from '../rule.js'
import { appRoleBypassesRls } from './app-role-bypasses-rls.js'
import { appRoleCanBecome } from './app-role-can-become.js'
import { appRoleOwns } from './app-role-owns.js'
import { dangerousGrant } from './dangerous-grant.js'
import { defaultPrivileges } from './default-privileges.js'
import { definerFunction } from './definer-function.js'
import { leakproofFunction } from './leakproof-function.js'
import { materializedView } from './materialized-view.js'
import { migrationLoginBlind } from './migration-login-blind.js'
import { policyDrift } from './policy-drift.js'
import { poolerLeaksSettings } from './pooler-leaks-settings.js'
import { publicGrant } from './public-grant.js'
import { rlsDisabled } from './rls-disabled.js'
import { schemaCreate } from './schema-create.js'
import { sealKeyReadable } from './seal-key-readable.js'
import { serverOutdated } from './server-outdated.js'
import { tempOnDatabase } from './temp-on-database.js'
import { viewWithoutInvoker } from './view-without-invoker.js'

/** Every rule, in the order of the docs. */
export const rules: readonly Rule[] = [
  // Policies.
  rlsDisabled,
  // Roles and objects.
  appRoleBypassesRls,
  appRoleCanBecome,
  appRoleOwns,
  viewWithoutInvoker,
  materializedView,
  definerFunction,
  leakproofFunction,
  dangerousGrant,
  publicGrant,
  defaultPrivileges,
  schemaCreate,
  tempOnDatabase,
  sealKeyReadable,
  migrationLoginBlind,
  serverOutdated,
  poolerLeaksSettings,
  policyDrift,
]
