import type { Rule } from '../rule.js'
import { appRoleBypassesRls } from './app-role-bypasses-rls.js'
import { appRoleCanBecome } from './app-role-can-become.js'
import { appRoleOwns } from './app-role-owns.js'
import { childUnprotected } from './child-unprotected.js'
import { dangerousGrant } from './dangerous-grant.js'
import { defaultPrivileges } from './default-privileges.js'
import { definerFunction } from './definer-function.js'
import { foreignKeyWithoutTenant } from './foreign-key-without-tenant.js'
import { foreignTable } from './foreign-table.js'
import { indexTellsValues } from './index-tells-values.js'
import { invalidIndex } from './invalid-index.js'
import { leakproofFunction } from './leakproof-function.js'
import { materializedView } from './materialized-view.js'
import { migrationLoginBlind } from './migration-login-blind.js'
import { noPolicyForAppRole } from './no-policy-for-app-role.js'
import { noTenantTables } from './no-tenant-tables.js'
import { partitionOpen } from './partition-open.js'
import { plainAndSealedMixed } from './plain-and-sealed-mixed.js'
import { policiesWithoutRls } from './policies-without-rls.js'
import { policyCrashesOnEmpty } from './policy-crashes-on-empty.js'
import { policyDrift } from './policy-drift.js'
import { policyFailsOpen } from './policy-fails-open.js'
import { policyIgnoresTenant } from './policy-ignores-tenant.js'
import { policyOpaque } from './policy-opaque.js'
import { policyWidened } from './policy-widened.js'
import { poolerLeaksSettings } from './pooler-leaks-settings.js'
import { publicGrant } from './public-grant.js'
import { publicationUnfiltered } from './publication-unfiltered.js'
import { rlsDisabled } from './rls-disabled.js'
import { rlsNotForced } from './rls-not-forced.js'
import { schemaCreate } from './schema-create.js'
import { sealKeyReadable } from './seal-key-readable.js'
import { sealedWithoutIndex } from './sealed-without-index.js'
import { serverOutdated } from './server-outdated.js'
import { settingHasDefault } from './setting-has-default.js'
import { tempOnDatabase } from './temp-on-database.js'
import { tenantColumnNullable } from './tenant-column-nullable.js'
import { tenantColumnWrapped } from './tenant-column-wrapped.js'
import { tenantIndexMissing } from './tenant-index-missing.js'
import { tenantTypeMismatch } from './tenant-type-mismatch.js'
import { unindexableFilter } from './unindexable-filter.js'
import { uniqueWithoutTenant } from './unique-without-tenant.js'
import { unvalidatedConstraint } from './unvalidated-constraint.js'
import { viewWithoutInvoker } from './view-without-invoker.js'
import { withCheckWeak } from './with-check-weak.js'

/** Every rule, in the order of the docs. */
export const rules: readonly Rule[] = [
  // Policies.
  rlsDisabled,
  policiesWithoutRls,
  rlsNotForced,
  noPolicyForAppRole,
  policyIgnoresTenant,
  policyWidened,
  policyFailsOpen,
  withCheckWeak,
  policyCrashesOnEmpty,
  tenantTypeMismatch,
  tenantColumnWrapped,
  settingHasDefault,
  plainAndSealedMixed,
  policyOpaque,
  // Structure.
  childUnprotected,
  tenantColumnNullable,
  tenantIndexMissing,
  sealedWithoutIndex,
  unindexableFilter,
  indexTellsValues,
  invalidIndex,
  unvalidatedConstraint,
  uniqueWithoutTenant,
  foreignKeyWithoutTenant,
  partitionOpen,
  foreignTable,
  publicationUnfiltered,
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
  noTenantTables,
]
