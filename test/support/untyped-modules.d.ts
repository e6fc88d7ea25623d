// Query objects that pg users bring along and that have no types.
declare module 'pg-copy-streams' {
  import type { Readable, Writable } from 'node:stream'
  import type { Submittable } from 'pg'
  export function from(sql: string): Writable & Submittable
  export function to(sql: string): Readable & Submittable
}
declare module 'pg-cursor' {
  export default class Cursor {
    constructor(sql: string, values?: unknown[])
  }
}
