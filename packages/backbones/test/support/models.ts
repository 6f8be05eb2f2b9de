import { deterministicImage, deterministicParameter } from '../../../../tools/testing/deterministic.js'
import {
  type Checkpoint,
  type CheckpointTensor,
  constant,
  type ParameterSource,
  requiredParameters,
  type SegmentationModelName,
} from '../../src/index.js'
import { goldenStateDict } from './golden.js'
import { elementCount, type FloatTensor } from './tensors.js'

/** Weights by hash. With `kept`, each is made once and shared: the networks have many in common. */
export function deterministicSource(kept?: Map<string, Float32Array>): ParameterSource {
  return (name, shape) =>
    constant(name, shape, async () => {
      const key = `${name} ${shape}`
      const values = kept?.get(key) ?? deterministicParameter(name, shape)
      kept?.set(key, values)
      return values
    })
}

export function imageTensor(name: string, height: number, width: number, batch = 1): FloatTensor {
  const shape = [batch, 3, height, width]
  return { data: deterministicImage(name, shape), shape }
}

/** A checkpoint in memory, of float32 tensors whose values are made when they are read. */
export function checkpointOf(shapes: Iterable<readonly [string, readonly number[]]>): Checkpoint {
  const tensors = new Map<string, CheckpointTensor>()
  for (const [name, shape] of shapes) {
    tensors.set(name, {
      name,
      shape,
      dtype: 'float32',
      byteLength: 4 * elementCount(shape),
      read: async () => ({ dtype: 'float32', shape, data: deterministicParameter(name, shape) }),
    })
  }
  return { format: 'safetensors', tensors, metadata: {} }
}

/** The whole published state dict, with what serves only training. */
export function publishedCheckpoint(model: SegmentationModelName): Checkpoint {
  return checkpointOf(goldenStateDict(model).map(({ name, shape }) => [name, shape]))
}

/** Only what inference needs. */
export function inferenceCheckpoint(
  model: SegmentationModelName,
  options: { classes?: number; edge?: boolean } = {},
): Checkpoint {
  return checkpointOf(requiredParameters(model, options))
}
