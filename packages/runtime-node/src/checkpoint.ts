import { type ByteSource, bytesSource } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import type { AbortFlag } from './worker/tasks/task.js'

/** Opens a checkpoint, a path or its bytes, until `use` has settled. Reading throws once the signal is aborted. */
export async function withCheckpoint<T>(
  checkpoint: string | Uint8Array,
  signal: AbortFlag,
  use: (source: ByteSource) => Promise<T>,
): Promise<T> {
  const file = typeof checkpoint === 'string' ? await fileSource(checkpoint) : undefined
  try {
    const source = file ?? bytesSource(checkpoint as Uint8Array, 'The checkpoint')
    return await use(abortable(source, signal))
  } finally {
    await file?.close()
  }
}

function abortable(source: ByteSource, signal: AbortFlag): ByteSource {
  return {
    ...source,
    read: (start, end) => {
      signal.throwIfAborted()
      return source.read(start, end)
    },
  }
}
