import { type ByteSource, bytesSource } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import type { AbortFlag } from './tasks/task.js'

/** Opens a checkpoint, a path or its bytes, for the time of `use`; reading ends once the flag says so. */
export async function withCheckpoint<T>(
  checkpoint: string | Uint8Array,
  aborted: AbortFlag,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const file = typeof checkpoint === 'string' ? await fileSource(checkpoint) : undefined
  try {
    const source = file ?? bytesSource(checkpoint as Uint8Array, 'the checkpoint')
    return await use(abortable(source, aborted))
  } finally {
    await file?.close()
  }
}

function abortable(source: ByteSource, aborted: AbortFlag): ByteSource {
  return {
    ...source,
    read: (start, end) => {
      aborted.throwIfAborted()
      return source.read(start, end)
    },
  }
}
