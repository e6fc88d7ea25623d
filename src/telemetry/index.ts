export {
  type AcrossBegin,
  type AcrossEnd,
  type AcrossEvent,
  type BindingEvent,
  channels,
  type ScopeEvent,
} from '../diagnostics.js'
export { type TenantConsole, tenantConsole } from './console.js'
export { listen, type RefusalEvent, type TenancyEvents } from './events.js'
export { hashTenant, type TenantHashOptions, tenantLabel } from './hash.js'
export { type TenantLogOptions, tenantLogFields } from './log-fields.js'
export type { TenantIdOption } from './options.js'
export { type TenantSpanOptions, type TenantSpanProcessor, tenantSpanProcessor } from './span-processor.js'
