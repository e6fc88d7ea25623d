import { checkConfig, type ResolvedConfig, type TenancyConfig } from '../schema/config.js'

/** What is written into tenancy.config.json. */
export function configText(config: TenancyConfig): string {
  return `${JSON.stringify(withoutDefaults(config), undefined, 2)}\n`
}

/** A configuration that says only what differs. */
export function withoutDefaults(config: TenancyConfig): Partial<TenancyConfig> {
  const defaults = checkConfig({ tenantModel: config.tenantModel })
  const differs = (value: unknown, usual: unknown): boolean =>
    value !== undefined && JSON.stringify(value) !== JSON.stringify(usual)
  const roles = Object.entries(config.roles ?? {}).filter(([name, value]) =>
    differs(value, { ...defaults.roles }[name]),
  )
  const entries = Object.entries({ ...config, roles: Object.fromEntries(roles) })
  const kept = entries.filter(([name, value]) => {
    if (name === 'tenantModel') return true
    return name === 'roles' ? roles.length > 0 : differs(value, { ...defaults }[name as keyof ResolvedConfig])
  })
  return Object.fromEntries(kept) as Partial<TenancyConfig>
}
