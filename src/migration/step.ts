import type { TableName } from '../sql/quote.js'

/**
 * One thing that a database needs, told in every form in which somebody asks for it. A migration is a list of steps in
 * the order in which they must run.
 */
export interface Step {
  /**
   * Names what the step makes and how: `policy "public"."projects" 3f9c21ab`. Two steps with the same key make the same;
   * a migration file repeats it in a comment, so that a later run knows what is written already.
   */
  readonly key: string
  /** For people: `Policy of projects`. */
  readonly title: string
  /** What is changed; undefined for roles and schemas. */
  readonly table?: TableName | undefined
  /** For one transaction on an empty or quiet database. Ends with a line break. */
  readonly sql: string
  /** Undoes `sql`. Empty where there is nothing to undo, as for a backfill. */
  readonly down: string
  /** A boolean SQL expression over the catalog: is it there already? */
  readonly done: string
  /** For a live database, in order. Default: `sql` as one short transaction. */
  readonly online?: readonly OnlineAction[] | undefined
}

/** What `tenancy apply --online` does for a step, one after the other. Each may be run again after it was interrupted. */
export type OnlineAction =
  /** Short DDL: one transaction under `lock_timeout`, tried again when the lock was not to be had. */
  | { readonly kind: 'transaction'; readonly sql: string }
  /** One statement outside any transaction, such as VALIDATE CONSTRAINT. Takes no lock that stops reads or writes. */
  | { readonly kind: 'statement'; readonly sql: string }
  /** CREATE INDEX CONCURRENTLY. An invalid index of that name, left by an interrupted build, is dropped first. */
  | { readonly kind: 'index'; readonly name: string; readonly table: TableName; readonly sql: string }
  /** Fills the tenant column in batches along the primary key, each a short transaction. */
  | {
      readonly kind: 'backfill'
      readonly table: TableName
      readonly column: string
      /** The primary key's columns. */
      readonly key: readonly string[]
      /** An SQL expression for the tenant of a row of the table, which it names `"child"`. */
      readonly value: string
    }
  /** Rows that stand in the way: a query that lists them, which must find none. */
  | { readonly kind: 'check'; readonly sql: string; readonly problem: string; readonly hint: string }
