import { quoteIdentifier, quoteTable, type TableName } from '../sql/quote.js'
import type { Relation } from './catalog.js'

/** As the functions of `/sql` take it. */
export function tableNameOf({ schema, name }: Pick<Relation, 'schema' | 'name'>): TableName {
  return { schema, table: name }
}

/** `"public"."projects"`: what a finding calls a table, a view or an index. */
export function nameOfRelation({ schema, name }: Pick<Relation, 'schema' | 'name'>): string {
  return quoteTable({ schema, table: name })
}

/** `"tenant_isolation" on "public"."projects"` */
export function nameOfPolicy(policy: { readonly name: string }, relation: Pick<Relation, 'schema' | 'name'>): string {
  return `${quoteIdentifier(policy.name)} on ${nameOfRelation(relation)}`
}

/** `"tasks_project_id_fkey" on "public"."tasks"`, as policies are named. */
export const nameOfConstraint = nameOfPolicy

/** `"public"."tasks"."project_id"` */
export function nameOfColumn(column: { readonly name: string }, relation: Pick<Relation, 'schema' | 'name'>): string {
  return `${nameOfRelation(relation)}.${quoteIdentifier(column.name)}`
}
