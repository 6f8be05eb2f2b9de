import { InverseFormError } from '@inverseform/errors'
import { toFloat32 } from '../checkpoint/float32.js'
import type { TensorData } from '../checkpoint/types.js'
import { BATCH_NORM_EPSILON } from '../graph/build.js'
import { quoted } from './load-report.js'

/**
 * Bits of 2^59, the largest weight. With larger ones, folding a normalization into a convolution (w·γ / √ε) can exceed
 * float32. Trained weights stay far below it; a flipped high bit of an exponent, a factor of 2^128, is above it.
 */
const LARGEST = (127 + 59) << 23

/**
 * Returns a weight's values as float32. One that is not a number spoils the whole output without a further error, so it is
 * refused here, where every weight of a session passes.
 *
 * @param name the tensor's name in the file
 * @throws InverseFormError `invalid-checkpoint` for a value that is NaN, infinite or beyond ±2^59, and for a variance
 * whose square root does not exist
 */
export function weightValues(name: string, tensor: TensorData): Float32Array {
  const values = toFloat32(tensor)
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  let largest = 0
  // Integers order as the magnitudes do, with NaN last. Comparing them takes a fraction of the time of reading them.
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i] & 0x7fffffff
    if (magnitude > largest) largest = magnitude
  }
  if (largest > LARGEST) {
    const index = bits.findIndex((value) => (value & 0x7fffffff) > LARGEST)
    throw unusable(name, tensor, index, 'Weights are finite and at most 2^59.')
  }
  if (name.endsWith('running_var')) {
    const index = values.findIndex((variance) => variance + BATCH_NORM_EPSILON <= 0)
    if (index >= 0) throw unusable(name, tensor, index, 'Variances are not negative.')
  }
  return values
}

function unusable(name: string, tensor: TensorData, index: number, accepted: string): InverseFormError {
  const { dtype, shape, data } = tensor
  const one = { dtype, shape: [], data: data.slice(index, index + 1) }
  const value = Number(dtype === 'float64' ? data[index] : toFloat32(one)[0])
  const position = positionOf(index, shape)
  return new InverseFormError(
    'invalid-checkpoint',
    `The weight ${quoted(name)} has the value ${Number(value.toPrecision(7))} at index [${position}]. ${accepted}`,
    {
      hint: 'The training diverged or the file is damaged: use an earlier checkpoint, or copy the file again.',
      details: { name, index: position, value },
    },
  )
}

/** Returns the indices of an element along each axis, from its place in C order. */
function positionOf(index: number, shape: readonly number[]): number[] {
  const position = shape.map(() => 0)
  for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
    position[axis] = rest % shape[axis]
    rest = Math.floor(rest / shape[axis])
  }
  return position
}
