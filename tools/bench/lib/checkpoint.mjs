import { requiredParameters, writeSafetensors } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/backbones/node'
import { uniform } from './uniform.mjs'

/**
 * Writes a checkpoint of a model with the weights that make_checkpoint.py gives it: values that depend on nothing
 * but their names, of the size that trained ones have. Networks take as long with them as with trained ones.
 */
export function writeCheckpoint(model, path) {
  return writeParameters(requiredParameters(model), path)
}

/** As {@link writeCheckpoint}, of InverseNet. */
export function writeInverseNet(path) {
  const layers = { 'fc.0': [1000, 2 * 224 ** 2], 'fc.2': [32, 1000], 'fc.4': [4, 32] }
  const shapes = Object.entries(layers).flatMap(([name, [outputs, inputs]]) => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs]],
  ])
  return writeParameters(shapes, path)
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
