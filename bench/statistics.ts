// Numbers out of rounds.

/** @throws RangeError for an empty list */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('There is no median of nothing.')
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/**
 * The median of the rounds' own ratios. What slows the machine down for one round slows both sides of its ratio; the
 * ratio of two medians may compare a good round with a bad one.
 */
export function medianRatio(values: readonly number[], base: readonly number[]): number {
  if (values.length !== base.length) throw new RangeError('Both sides of a ratio need the same rounds.')
  return median(values.map((value, round) => value / (base[round] as number)))
}
