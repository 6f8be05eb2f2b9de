import {
  add,
  concat,
  constant,
  conv2d,
  flattenSpatial,
  type Graph,
  imageInput,
  matmul,
  multiply,
  relu,
  resizeLike,
  sigmoid,
  softmax,
  transpose,
  unflattenSpatialLike,
  type Value,
} from '@inverseform/backbones/graph'
import { product } from '@inverseform/shared'
import type { Backend, Tensor } from '../engine/backend.js'
import type { Attempt } from './try-devices.js'

/**
 * How far outputs of a device may differ from the CPU's, as a share of the largest value. Devices that round products to
 * 11 bits (TF32 on NVIDIA, float16 in Core ML) err by 2^-11 = 0.05 % in each product, and a few times that after ten
 * layers. A kernel that pads, resizes or indexes wrongly errs by tens of percent.
 */
export const SELF_CHECK_TOLERANCE = 0.01

/**
 * Sides that no block size divides, so that the edges of a kernel's blocks are checked. One is as wide as a street scene,
 * where float16 fails on some devices.
 */
const INPUT_SHAPES: readonly (readonly number[])[] = [
  [1, 3, 37, 61],
  [1, 3, 9, 2053],
]

export type CheckOutputs = Readonly<Record<string, Tensor>>

/** Runs the check network, which is small but has every operator of the models. */
export async function runCheck(backend: Backend): Promise<CheckOutputs> {
  const session = await backend.createSession(checkGraph())
  try {
    const outputs: Record<string, Tensor> = {}
    for (const shape of INPUT_SHAPES) {
      const found = await session.run({ image: { data: values(1, product(shape)), shape } })
      for (const [name, tensor] of Object.entries(found)) outputs[`${name} ${shape.join('x')}`] = tensor
    }
    return outputs
  } finally {
    await session.dispose()
  }
}

/** Returns the largest difference of any output, as a share of its largest value; infinity if a value is not finite. */
export function disagreement(outputs: CheckOutputs, expected: CheckOutputs): number {
  const shares = Object.entries(expected).map(([name, { data }]) => {
    const found = outputs[name]?.data
    if (found?.length !== data.length) return Number.POSITIVE_INFINITY
    let [difference, largest] = [0, 0]
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(found[i])) return Number.POSITIVE_INFINITY
      difference = Math.max(difference, Math.abs(found[i] - data[i]))
      largest = Math.max(largest, Math.abs(data[i]))
    }
    return difference / largest
  })
  return Math.max(...shares)
}

/** Describes a disagreement in a full sentence. */
export function disagreementReason(device: string, share: number): string {
  if (share <= SELF_CHECK_TOLERANCE) {
    return `It agrees with the CPU within ${share.toExponential(0)} of the largest value.`
  }
  return Number.isFinite(share)
    ? `The device ${device} disagrees with the CPU by ${(100 * share).toFixed(1)} % of the largest value.`
    : `The device ${device} gives values that are not finite; the CPU's are finite.`
}

/** Whether the device that is used, the last one tried, disagrees with the CPU. */
export function disagrees(attempts: readonly Attempt[]): boolean {
  return (attempts.at(-1)?.disagreement ?? 0) > SELF_CHECK_TOLERANCE
}

/** A stem, two fused branches and object attention, as in HRNet-OCR, at a hundredth of the width. */
function checkGraph(): Graph {
  let seed = 2
  /** The variance is 1 / inputs, so that values neither grow nor vanish from layer to layer. */
  const weight = (...shape: number[]): Value => {
    const inputs = product(shape.slice(1))
    const data = values(seed++, shape[0] * inputs).map((x) => x * Math.sqrt(3 / inputs))
    return constant(`check.${seed}`, shape, async () => data)
  }
  const bias = (channels: number): Value => {
    const data = values(seed++, channels)
    return constant(`check.${seed}`, [channels], async () => data)
  }
  const conv = (x: Value, from: number, to: number, size: number, stride = 1) =>
    conv2d(x, weight(to, from, size, size), bias(to), { stride, padding: Math.floor(size / 2) })

  const fine = relu(conv(imageInput('image', 3), 3, 18, 3, 2))
  const coarse = relu(conv(relu(conv(fine, 18, 36, 3, 2)), 36, 36, 3, 2))
  const fused = relu(add(conv(fine, 18, 18, 3), resizeLike(conv(coarse, 36, 18, 1), fine)))
  const features = relu(conv(concat([fused, resizeLike(coarse, fine)], 1), 54, 32, 1))
  const regions = conv(features, 32, 19, 1)
  const flat = flattenSpatial(features)
  const objects = matmul(softmax(flattenSpatial(regions), 2), transpose(flat, 0, 2, 1))
  const scale = constant('check.scale', [], async () => Float32Array.of(32 ** -0.5))
  // Scaled as in the models: float16 rounds unscaled values too coarsely for the exponential of the softmax.
  const likeness = multiply(matmul(transpose(flat, 0, 2, 1), transpose(objects, 0, 2, 1)), scale)
  const similarity = softmax(likeness, 2)
  const context = unflattenSpatialLike(transpose(matmul(similarity, objects), 0, 2, 1), features)
  const logits = conv(concat([context, features], 1), 64, 19, 1)
  const attention = sigmoid(conv(features, 32, 1, 3))
  return {
    outputs: {
      logits,
      weighted: multiply(attention, logits),
      similarity,
    },
  }
}

/** Returns values in [-1, 1) from a linear congruential generator, the same on every machine. */
function values(seed: number, count: number): Float32Array {
  let state = Math.imul(seed, 0x9e3779b1)
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  })
}
