// Windows opens a device under these names, in whatever folder they stand and whatever follows a dot. See tenantPath.
export const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$) *(?:\.|$)/i

/**
 * A tenant's id as a part of a key or of a path: lower-case letters, digits and `-` as they are, any other byte as `_`
 * and two hexadecimal digits. No two ids have one name, not even where case does not count; and no reader of paths,
 * URLs or patterns has a use of its own for any of these characters, so that none decodes or resolves it.
 *
 * @example tenantName('Acme & Co.') // '_41cme_20_26_20_43o_2e'
 */
export function tenantName(tenant: string): string {
  let name = ''
  for (const byte of Buffer.from(tenant)) {
    const char = String.fromCharCode(byte)
    name += /[a-z0-9-]/.test(char) ? char : escaped(byte)
  }
  return DEVICE.test(name) ? escaped(name.charCodeAt(0)) + name.slice(1) : name
}

function escaped(byte: number): string {
  return `_${byte.toString(16).padStart(2, '0')}`
}
