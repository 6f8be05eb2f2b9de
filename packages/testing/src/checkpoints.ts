import {
  type Checkpoint,
  type CheckpointTensor,
  type ParameterSource,
  requiredParameters,
  type SegmentationModelName,
} from '@inverseform/backbones'
import { constant } from '@inverseform/backbones/graph'
import { product } from '@inverseform/shared'
import { deterministicImage, deterministicParameter } from './deterministic.js'
import { goldenStateDict } from './goldens.js'
import type { FloatTensor } from './tensors.js'

/** Returns a source of deterministic weights. `kept` caches them: networks share many. */
export function deterministicSource(kept?: Map<string, Float32Array>): ParameterSource {
  return (name, shape) =>
    constant(name, shape, async () => {
      const key = `${name} ${shape}`
      const values = kept?.get(key) ?? deterministicParameter(name, shape)
      kept?.set(key, values)
      return values
    })
}

/** Returns a deterministic batch of images [batch, 3, height, width]. */
export function imageTensor(name: string, height: number, width: number, batch = 1): FloatTensor {
  const shape = [batch, 3, height, width]
  return { data: deterministicImage(name, shape), shape }
}

/** Returns a checkpoint of deterministic float32 tensors, which are computed when they are read. */
export function checkpointOf(shapes: Iterable<readonly [string, readonly number[]]>): Checkpoint {
  const tensors = new Map<string, CheckpointTensor>()
  for (const [name, shape] of shapes) {
    tensors.set(name, {
      name,
      shape,
      dtype: 'float32',
      byteLength: 4 * product(shape),
      read: async () => ({ dtype: 'float32', shape, data: deterministicParameter(name, shape) }),
    })
  }
  const verify = async () => ({ parts: tensors.size, bytes: 0, checksums: 0 })
  return { format: 'safetensors', tensors, metadata: {}, verify }
}

/** Returns a checkpoint with the whole published state dict, including training-only tensors. */
export function publishedCheckpoint(model: SegmentationModelName): Checkpoint {
  return checkpointOf(goldenStateDict(model).map(({ name, shape }) => [name, shape]))
}

/** Returns a checkpoint with only the weights that inference needs. */
export function inferenceCheckpoint(
  model: SegmentationModelName,
  options: { numClasses?: number; edgeHead?: boolean } = {},
): Checkpoint {
  return checkpointOf(requiredParameters(model, options))
}
