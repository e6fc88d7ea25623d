/**
 * How often a test repeats what it does: `full` times with `TENANCY_SCALE=full`, else a hundredth of it, so that
 * `npm test` stays quick. A test whose full size is promised everywhere uses its number as it is.
 */
export function scaled(full: number): number {
  return process.env.TENANCY_SCALE === 'full' ? full : Math.ceil(full / 100)
}
