import type { Field, Model } from './model.js'

/** What a model is to tenants. */
export type Classified =
  /** Has the tenant column, or is to get it: then `field` is undefined. */
  | { readonly kind: 'tenant'; readonly model: Model; readonly field: Field | undefined }
  /** Its rows belong to the tenant of their parents. */
  | { readonly kind: 'reached'; readonly model: Model }
  /** Every tenant reads it, none writes it. */
  | { readonly kind: 'shared'; readonly model: Model }
