import { arrayReader, type MapReader } from '../maps/map-reader.js'
import type { RowSize } from '../maps/rows.js'
import { withKernels } from './kernels.js'
import { kernelReader, MOST_CLASSES } from './map-reader.js'
import { rowStride } from './planar-rows.js'

/**
 * Reads maps with kernels where they can run, else in TypeScript.
 *
 * @param channels the most channels of a map
 * @param width of the longest row
 */
export function withReader<T>(
  channels: number,
  width: number,
  read: <R extends RowSize>(reader: MapReader<R>) => T,
): T {
  const inTypeScript = () => read(arrayReader)
  if (channels > MOST_CLASSES) return inTypeScript()
  return withKernels(rowStride(width) * channels, (kernels) => read(kernelReader(kernels)), inTypeScript)
}
