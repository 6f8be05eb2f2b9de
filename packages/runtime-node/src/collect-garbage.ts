import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Frees the buffers that weights were read into: what follows allocates native memory, of which the collector knows
 * nothing, and a thread that waits for requests allocates none. Hundreds of megabytes would stay without use.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  collect()
}
