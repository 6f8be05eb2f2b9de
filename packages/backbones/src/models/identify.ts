import type { Checkpoint } from '../checkpoint/types.js'
import { recordShapes, requiredParameters } from './build.js'
import { byCanonicalName, type CanonicalTensors, canonicalName } from './canonical-names.js'
import { buildInverseNet } from './inversenet.js'
import { compareTensors } from './load-report.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from './zoo.js'

/** A published model: a segmentation network or the regressor of the InverseForm loss. */
export type ModelName = SegmentationModelName | typeof inverseNetZoo.name

/**
 * Identifies a checkpoint's model from its tensors.
 * @returns the largest model whose weights all exist with the right shape; undefined if no model fits
 */
export function identifyModel(checkpoint: Checkpoint): ModelName | undefined {
  const tensors = byCanonicalName(checkpoint)
  const candidates: [ModelName, ReadonlyMap<string, readonly number[]>][] = [
    [inverseNetZoo.name, inverseNetParameters()],
  ]
  for (const { name } of Object.values(zoo)) {
    const numClasses = numClassesOf(name, tensors)
    if (numClasses) candidates.push([name, requiredParameters(name, { numClasses })])
  }
  const fitting = candidates.filter(([, needed]) => {
    const { missing, mismatched } = compareTensors(tensors, needed)
    return missing.length + mismatched.length === 0
  })
  return fitting.sort(([, a], [, b]) => b.size - a.size)[0]?.[0]
}

/** Returns the names and shapes of InverseNet's weights. */
export function inverseNetParameters(): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  buildInverseNet(recordShapes(shapes))
  return shapes
}

/** Returns the number of classes of the checkpoint's classifier; undefined if it lacks the model's classifier. */
export function numClassesOf(model: SegmentationModelName, tensors: CanonicalTensors): number | undefined {
  return tensors.get(canonicalName(zoo[model].classWeight))?.shape[0]
}
