import { closeSync, openSync, writeSync } from 'node:fs'
import { requiredParameters, writeSafetensors } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/backbones/node'
import { uniform } from './uniform.mjs'

/**
 * Writes a checkpoint of a model with the same synthetic weights as make_checkpoint.py. Values depend only on their names, and
 * have the magnitude of trained weights, so networks take as long as with trained ones.
 */
export function writeCheckpoint(model, path) {
  return writeParameters(requiredParameters(model), path)
}

/** Names and shapes of InverseNet's tensors as published: two tiles of 224x224 pixels → 1000 → 32 → 4. */
export const inverseNetShapes = [
  ['fc.0.weight', [1000, 2 * 224 ** 2]],
  ['fc.0.bias', [1000]],
  ['fc.2.weight', [32, 1000]],
  ['fc.2.bias', [32]],
  ['fc.4.weight', [4, 32]],
  ['fc.4.bias', [4]],
]

/** Writes a checkpoint of InverseNet with synthetic weights, as {@link writeCheckpoint} does. */
export function writeInverseNet(path) {
  return writeParameters(inverseNetShapes, path)
}

/** Writes the weights of {@link writeInverseNet} as raw float32, one tensor after the other (383 MiB). */
export function writeRawInverseNet(path) {
  const file = openSync(path, 'w')
  for (const [name, shape] of inverseNetShapes) writeSync(file, parameter(name, shape))
  closeSync(file)
}

function writeParameters(shapes, path) {
  const tensors = [...shapes].map(([name, shape]) => ({
    name,
    shape,
    dtype: 'float32',
    read: async () => ({ dtype: 'float32', shape, data: parameter(name, shape) }),
  }))
  return writeFileAtomically(path, (sink) => writeSafetensors(tensors, sink))
}

function parameter(name, shape) {
  const leaf = name.split('.').at(-1)
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1)
  const value = {
    running_mean: (u) => 0.1 * (2 * u - 1),
    bias: (u) => 0.1 * (2 * u - 1),
    running_var: (u) => 1 + 0.5 * u,
    weight: shape.length === 1 ? (u) => 1 + 0.2 * (2 * u - 1) : (u) => (2 * u - 1) * Math.sqrt(3 / fanIn),
  }[leaf]
  return Float32Array.from(uniform(name, fanIn * shape[0]), value)
}
