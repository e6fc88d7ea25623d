// Query objects that pg users bring along and that have no types; here they are only ever refused.
declare module 'pg-copy-streams' {
  export function from(sql: string): object
  export function to(sql: string): object
}
declare module 'pg-cursor' {
  export default class Cursor {
    constructor(sql: string, values?: unknown[])
  }
}
