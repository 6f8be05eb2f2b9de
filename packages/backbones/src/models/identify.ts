import type { Checkpoint } from '../checkpoint/index.js'
import { recordShapes, requiredParameters } from './build.js'
import { byCanonicalName, type CanonicalTensors, canonicalName } from './canonical-names.js'
import { buildInverseNet } from './inversenet.js'
import { compareTensors } from './load-report.js'
import { inverseNetZoo, type SegmentationModelName, zoo } from './zoo.js'

/** Any published model: those that segment, and the regressor of the loss. */
export type ModelName = SegmentationModelName | typeof inverseNetZoo.name

/** The model whose every needed weight the checkpoint has in the right shape; the larger one if there are several. */
export function identifyModel(checkpoint: Checkpoint): ModelName | undefined {
  const tensors = byCanonicalName(checkpoint)
  const candidates: [ModelName, ReadonlyMap<string, readonly number[]>][] = [
    [inverseNetZoo.name, inverseNetParameters()],
  ]
  for (const { name } of Object.values(zoo)) {
    const classes = classesOf(name, tensors)
    if (classes) candidates.push([name, requiredParameters(name, { classes })])
  }
  const fitting = candidates.filter(([, needed]) => {
    const { missing, mismatched } = compareTensors(tensors, needed)
    return missing.length + mismatched.length === 0
  })
  return fitting.sort(([, a], [, b]) => b.size - a.size)[0]?.[0]
}

/** Names and shapes of InverseNet's weights. */
export function inverseNetParameters(): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>()
  buildInverseNet(recordShapes(shapes))
  return shapes
}

/** How many classes the checkpoint's classifier has; undefined where it has none by the model's name. */
export function classesOf(model: SegmentationModelName, tensors: CanonicalTensors): number | undefined {
  return tensors.get(canonicalName(zoo[model].classWeight))?.shape[0]
}
