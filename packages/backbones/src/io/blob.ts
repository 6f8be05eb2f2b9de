import { checkArgument, InverseFormError, typeName } from '@inverseform/errors'
import { type ByteSource, checkRange } from './source.js'

/** Returns a source over a Blob or File. Its name defaults to the File's. */
export function blobSource(blob: Blob, name?: string): ByteSource {
  checkArgument('blob', blob, ['Blob', 'File'].includes(typeName(blob)), 'a Blob or a File')
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
          { cause, hint: 'The file may have been changed or deleted since it was chosen: choose it again.' },
        )
      }
    },
  }
  return source
}
