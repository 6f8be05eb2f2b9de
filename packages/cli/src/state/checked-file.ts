import { createHash } from 'node:crypto'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { readRegularFile, writeWholeFile } from '@inverseform/shared/node'

/** More than any state has: a part of 256 images with all metrics takes a few MB. */
const MAX_BYTES = 2 ** 29 - 24

/** The first line of a file: the checksum of all others. */
const FIRST_LINE = /^\{"sha256":"([0-9a-f]{64})",\n/
const FIRST_LINE_BYTES = `{"sha256":"${'0'.repeat(64)}",\n`.length

/** The file of a state is not as it was written. */
export class DamagedState extends Error {}

/** Writes an object as JSON whose first key is the SHA-256 of the rest. The file is replaced as a whole. */
export async function writeCheckedJson(path: string, value: object): Promise<void> {
  const rest = `${JSON.stringify(value).slice(1)}\n`
  await writeWholeFile(path, `{"sha256":"${sha256(Buffer.from(rest))}",\n${rest}`)
}

/**
 * Reads what {@link writeCheckedJson} wrote.
 * @throws DamagedState if any byte is another; InverseFormError `not-found` or `unreadable` for a file that cannot be read
 */
export async function readCheckedJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readRegularFile(path, { maxBytes: MAX_BYTES }).catch((error) => {
    if (!isInverseFormError(error)) throw error
    const { code, message, details, cause } = error
    if (code === 'limit-exceeded') throw new DamagedState(message)
    if (code !== 'unreadable') throw error
    const hint = 'The state of a run has a file there. Make it readable, or move it away.'
    throw new InverseFormError(code, message, { hint, details, cause })
  })
  const first = FIRST_LINE.exec(Buffer.from(bytes.subarray(0, FIRST_LINE_BYTES)).toString('latin1'))
  const rest = bytes.subarray(FIRST_LINE_BYTES)
  if (first === null || sha256(rest) !== first[1]) throw new DamagedState('Its checksum does not fit.')
  return JSON.parse(`{${new TextDecoder().decode(rest)}`)
}

/** @throws InverseFormError `unreadable`, for a checked file of another format or version */
export function checkFormat(
  path: string,
  { format, version }: Readonly<Record<string, unknown>>,
  expected: string,
): void {
  if (format === expected && version === 1) return
  throw new InverseFormError('unreadable', `${path} is not a file of the format ${expected}, version 1.`, {
    hint: 'Use the version of inverseform that wrote it, or start anew with --restart.',
    details: { path, format, version },
  })
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
