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
} from '@inverseform/backbones'
import type { Backend } from './backend.js'
import type { Rung } from './ladder.js'
import type { Tensor } from './tensor.js'

/**
 * How far a device may be off the CPU, as a share of an output's largest value. Devices that round products to 11 bits
 * (TF32 on NVIDIA, float16 in Core ML) err by 2^-11 = 0.05 % in each, ten layers of independent ones by a few times that;
 * a kernel that pads, resizes or indexes wrongly is off by tens of per cent.
 */
export const SELF_CHECK_TOLERANCE = 0.01

/**
 * Multiples of nothing, so that the edges of a kernel's blocks are checked too; one as wide as a street scene, where float16
 * has gone wrong on some devices.
 */
const INPUT_SHAPES: readonly (readonly number[])[] = [
  [1, 3, 37, 61],
  [1, 3, 9, 2053],
]

export type CheckOutputs = Readonly<Record<string, Tensor>>

/** Runs the check's network: small, but with each operator that the models are made of. */
export async function runCheck(backend: Backend): Promise<CheckOutputs> {
  const session = await backend.createSession(checkGraph())
  try {
    const outputs: Record<string, Tensor> = {}
    for (const shape of INPUT_SHAPES) {
      const size = shape.reduce((product, n) => product * n, 1)
      const found = await session.run({ image: { data: values(1, size), shape } })
      for (const [name, tensor] of Object.entries(found)) outputs[`${name} ${shape.join('x')}`] = tensor
    }
    return outputs
  } finally {
    await session.dispose()
  }
}

/** The largest difference of any output, as a share of that output's largest value; infinite where one is not finite. */
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

/** What a disagreement says of a device, as a full sentence. */
export function disagreementReason(device: string, share: number): string {
  if (share <= SELF_CHECK_TOLERANCE) {
    return `It agrees with the CPU within ${share.toExponential(0)} of the largest value.`
  }
  return Number.isFinite(share)
    ? `The device ${device} disagrees with the CPU by ${(100 * share).toFixed(1)} % of the largest value.`
    : `The device ${device} gives values that are not finite where the CPU's are.`
}

/** Whether the device at the end of a ladder is used although it computes something else. */
export function disagrees(ladder: readonly Rung[]): boolean {
  return (ladder.at(-1)?.disagreement ?? 0) > SELF_CHECK_TOLERANCE
}

/** A stem, two branches that are fused, and object attention, as in HRNet-OCR, at a hundredth of the width. */
function checkGraph(): Graph {
  let seed = 2
  /** Of variance 1 / inputs, so that values neither grow nor vanish from layer to layer. */
  const weight = (...shape: number[]): Value => {
    const inputs = shape.slice(1).reduce((product, n) => product * n, 1)
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
  // Scaled as in the models: without, float16 rounds what the softmax then takes the exponential of too coarsely.
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

/** Values in [-1, 1) by a linear congruential generator: the same on every machine. */
function values(seed: number, count: number): Float32Array {
  let state = Math.imul(seed, 0x9e3779b1)
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  })
}
