import { InverseFormError } from '@inverseform/errors'

/** Computes the SHA-256 of bytes, in lower-case hexadecimal. */
export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Checks the SHA-256 of a file.
 *
 * @returns the hash
 * @throws `invalid-checkpoint` with both hashes if they differ; `runtime-unavailable` on pages that are not secure, where
 * browsers compute no hashes
 */
export async function checkSha256(
  bytes: Uint8Array<ArrayBuffer>,
  expected: string,
  name: string,
): Promise<string> {
  if (!isSecureContext) {
    throw new InverseFormError(
      'runtime-unavailable',
      `The SHA-256 of ${name} cannot be checked: browsers compute hashes only on secure pages.`,
      { hint: 'Serve the page over https or from localhost, or omit `sha256`.' },
    )
  }
  const found = await sha256Of(bytes)
  if (found === expected) return found
  throw new InverseFormError(
    'invalid-checkpoint',
    `${name}: the SHA-256 of its ${bytes.byteLength} bytes is ${found}, not ${expected}.`,
    {
      hint: 'The file is damaged or another version. Download it again, or correct `sha256`.',
      details: { found, expected },
    },
  )
}
