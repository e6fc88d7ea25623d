import { tryCurrentTenant } from '../context.js'
import { shownId, type TenantIdOption } from './options.js'

/** A span as OpenTelemetry's SDK hands it to a processor, as far as it is used here: its package is not needed. */
interface StartedSpan {
  readonly instrumentationScope?: { readonly name: string }
  /** What SDK 1 called it. */
  readonly instrumentationLibrary?: { readonly name: string }
  setAttribute(name: string, value: string): unknown
}

/** A `SpanProcessor` of `@opentelemetry/sdk-trace-base`. */
export interface TenantSpanProcessor {
  onStart(span: StartedSpan): void
  onEnd(): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

export interface TenantSpanOptions extends TenantIdOption {
  /** Default `'tenant.id'`. */
  readonly attribute?: string | undefined
  /** `'all'` marks every span that starts in a tenant's scope, not Prisma's alone. Default `'prisma'`. */
  readonly spans?: 'prisma' | 'all' | undefined
}

// How @prisma/instrumentation names its tracer.
const PRISMA = 'prisma'

/**
 * Puts `tenant.id` on the spans of `@prisma/instrumentation`: give it to the tracer provider, beside the processor that
 * exports. It sends nothing itself.
 *
 * @throws TenancyError `CONFIG.INVALID` for an option of another name
 * @example new NodeSDK({ spanProcessors: [tenantSpanProcessor(), new BatchSpanProcessor(exporter)] })
 */
export function tenantSpanProcessor(options: TenantSpanOptions = {}): TenantSpanProcessor {
  const id = shownId('tenantSpanProcessor', options, ['attribute', 'spans'])
  const { attribute = 'tenant.id', spans } = options
  return {
    onStart(span) {
      const from = span.instrumentationScope ?? span.instrumentationLibrary
      if (spans !== 'all' && from?.name !== PRISMA) return
      const tenant = tryCurrentTenant()
      if (tenant !== undefined) span.setAttribute(attribute, id(tenant))
    },
    onEnd() {},
    async forceFlush() {},
    async shutdown() {},
  }
}
