import { InverseFormError } from '@inverseform/errors'
import { type ByteSource, checkRange } from './source.js'

/** A source over a Blob or a File of a browser's file picker. Its name is used when none is given. */
export function blobSource(blob: Blob, name?: string): ByteSource {
  const source: ByteSource = {
    size: blob.size,
    name: name ?? ('name' in blob && typeof blob.name === 'string' ? blob.name : undefined),
    read: async (start, end) => {
      checkRange(source, start, end)
      try {
        return new Uint8Array(await blob.slice(start, end).arrayBuffer())
      } catch (cause) {
        throw new InverseFormError(
          'unreadable',
          `${source.name ?? 'blob'}: bytes [${start}, ${end}) could not be read: ${(cause as Error).message}.`,
          { cause, hint: 'The file may have changed or gone since it was chosen: choose it again.' },
        )
      }
    },
  }
  return source
}
