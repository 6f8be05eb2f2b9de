import { edgeMap } from '@inverseform/cityscapes'
import { resizeBilinear } from '@inverseform/core'
import { arrayOps } from '@inverseform/core/array'
import type { BoundaryMap } from '@inverseform/core/training'
import { checkInteger } from '@inverseform/errors'
import { loadTarget } from '../../data/sample.js'
import { openTrainingSamples } from '../data/file-samples.js'
import type { SampleSource } from '../data/sample-files.js'

export type BoundarySource = SampleSource & {
  /**
   * Sizes [height, width] that each map is resized to, as the InverseForm loss resizes with `size`. Several make a regressor for lines of
   * several widths. Default: the size of the label maps.
   */
  readonly sizes?: readonly (readonly [height: number, width: number])[]
  /** Most images, which are chosen evenly. Default 500. */
  readonly limit?: number
  onImage?(done: number, total: number): void
  readonly signal?: AbortSignal
}

/**
 * Reads the target edges of a data set for `trainRegressor`, a tenth of them as held-out maps.
 *
 * @throws InverseFormError as `openTrainingSamples`; `invalid-dataset` for a label out of range
 */
export async function readBoundaryMaps(
  source: BoundarySource,
): Promise<{ readonly boundaryMaps: BoundaryMap[]; readonly heldOutMaps: BoundaryMap[] }> {
  const { sizes, limit = 500, onImage, signal } = source
  checkInteger('limit', limit, { min: 2 })
  const all = await openTrainingSamples({ ...source, cacheBytes: 0 })
  const count = Math.min(limit, all.length)
  const boundaryMaps: BoundaryMap[] = []
  const heldOutMaps: BoundaryMap[] = []
  for (let i = 0; i < count; i++) {
    signal?.throwIfAborted()
    const { data, width, height } = await loadTarget(all[Math.floor((i * all.length) / count)], 19)
    const edges = { data: edgeMap(data, width, height), height, width }
    const maps = sizes?.map((size) => resized(edges, size)) ?? [edges]
    const isHeldOut = i % 10 === 9 || (count < 10 && i === count - 1)
    ;(isHeldOut ? heldOutMaps : boundaryMaps).push(...maps)
    onImage?.(i + 1, count)
  }
  // A single image serves both.
  return { boundaryMaps: count > 1 ? boundaryMaps : heldOutMaps, heldOutMaps }
}

function resized({ data, height, width }: BoundaryMap, size: readonly [number, number]): BoundaryMap {
  const ops = arrayOps()
  const map = resizeBilinear(ops, ops.constant(data, [1, 1, height, width]), size)
  return { data: map.data, height: size[0], width: size[1] }
}
