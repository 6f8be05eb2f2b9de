import { InverseFormError } from '@inverseform/errors'

/** The SHA-256 of bytes, in lower-case hexadecimal. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * @returns the hash
 * @throws `invalid-checkpoint` naming both hashes when it is another one, `runtime-unavailable` where the page has
 * nothing to compute it with
 */
export async function requireSha256(
  bytes: Uint8Array<ArrayBuffer>,
  expected: string,
  name: string,
): Promise<string> {
  if (!isSecureContext) {
    throw new InverseFormError(
      'runtime-unavailable',
      `The SHA-256 of ${name} cannot be checked: browsers compute hashes on secure pages only.`,
      { hint: 'Serve the page over https or from localhost, or leave `sha256` out.' },
    )
  }
  const found = await sha256Of(bytes)
  if (found === expected) return found
  throw new InverseFormError(
    'invalid-checkpoint',
    `${name}: the SHA-256 of its ${bytes.byteLength} bytes is ${found}, not ${expected}.`,
    {
      hint: 'The file is damaged or another version: get it again, or correct `sha256`.',
      details: { found, expected },
    },
  )
}
