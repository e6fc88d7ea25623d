// What every framework's entry exports beside its own.

export type { AnswerOptions, Authorize, TenantScopeOptions } from './resolve.js'
export {
  type ClaimOptions,
  type ClaimSource,
  type FindTenant,
  fromHeader,
  fromPath,
  fromSession,
  fromSubdomain,
  fromToken,
  type OwnSource,
  type Source,
  type SubdomainOptions,
  type TokenOptions,
} from './sources.js'
