// Finds bytes of a secret in a text, in every form in which PostgreSQL prints bytes.

/** At least this many bytes in a row: fewer could stand there by chance. */
const RUN = 6

/** Which runs of the secrets' bytes stand in a text. */
export function bytesIn(text: string, secrets: readonly Uint8Array[]): string[] {
  return secrets.flatMap((secret) => printed(secret).filter((run) => text.includes(run)))
}

const cache = new WeakMap<Uint8Array, string[]>()

function printed(secret: Uint8Array): string[] {
  const known = cache.get(secret)
  if (known) return known
  const runs: string[] = []
  for (let i = 0; i + RUN <= secret.length; i++) {
    const run = Buffer.from(secret.slice(i, i + RUN))
    runs.push(run.toString('hex'), escaped(run), JSON.stringify(escaped(run)).slice(1, -1))
    // Plan nodes that are printed show the bytes of a constant as signed numbers.
    runs.push([...run].map((byte) => (byte << 24) >> 24).join(' '))
  }
  for (let offset = 0; offset < 3; offset++) {
    const text = Buffer.from(secret.slice(offset)).toString('base64').replaceAll('=', '')
    for (let i = 4; i + 12 <= text.length; i++) runs.push(text.slice(i, i + 8))
  }
  cache.set(secret, runs)
  return runs
}

/** As with bytea_output = escape. */
function escaped(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) =>
      byte === 92
        ? '\\\\'
        : byte >= 32 && byte < 127
          ? String.fromCharCode(byte)
          : `\\${byte.toString(8).padStart(3, '0')}`,
    )
    .join('')
}
