import type { PlainTensor } from '../../ops.js'
import { checkPair } from '../../shape.js'
import type { InverseFormLossOptions } from './inverse-form.js'
import type { InverseNetWeights } from './inverse-net.js'
import { layerSizes, tileSide, weightBytes } from './small-inverse-net-weights.js'

/** A trained regressor with the options that its tiles need. */
export interface SmallInverseNet {
  /** Weights for {@link inverseNet}. */
  readonly weights: InverseNetWeights<PlainTensor & { readonly data: Float32Array }>
  /** Options of {@link inverseFormLoss}, or `inverseForm` of the joint loss. */
  readonly options: Required<Pick<InverseFormLossOptions, 'size' | 'tileGrid'>>
}

/**
 * Returns a small InverseNet that is trained on boundaries of drawn street scenes: tiles of 28x28 pixels; displacement and scale along
 * x and y, as the published one; 0.4 million weights. It needs no file, and takes a thousandth of the published one's time. docs/training.md
 * has its recipe and its figures.
 *
 * @param mapSize [height, width] of the edge logits. The options divide maps into tiles of about 28x28 of their pixels. Default
 *   [256, 512]. Maps of another size are resized to it.
 * @throws InverseFormError `invalid-argument` unless `mapSize` is two positive integers
 */
export function smallInverseNet(
  mapSize: readonly [height: number, width: number] = [256, 512],
): SmallInverseNet {
  checkPair('mapSize', mapSize)
  const [rows, columns] = mapSize.map((side) => Math.max(1, Math.round(side / tileSide)))
  return {
    weights: decode(),
    options: { size: [rows * tileSide, columns * tileSide], tileGrid: [rows, columns] },
  }
}

/**
 * Decodes the weights. For each layer there are scales and biases in float32 (little-endian), one for each output, and weights in
 * 8 bits, [outputs, inputs]. A weight is its integer, -127..127, times the scale of its output.
 */
function decode(): SmallInverseNet['weights'] {
  const bytes = Uint8Array.from(atob(weightBytes), (character) => character.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  let at = 0
  const floats = (count: number) => {
    const values = Float32Array.from({ length: count }, (_, i) => view.getFloat32(at + 4 * i, true))
    at += 4 * count
    return values
  }
  const layers = ['fc.0', 'fc.2', 'fc.4'].flatMap((layer, i) => {
    const [inputs, outputs] = [layerSizes[i], layerSizes[i + 1]]
    const scales = floats(outputs)
    const bias = floats(outputs)
    const start = at
    at += inputs * outputs
    const data = Float32Array.from(
      { length: inputs * outputs },
      (_, k) => view.getInt8(start + k) * scales[Math.floor(k / inputs)],
    )
    return [
      [`${layer}.weight`, { data, shape: [outputs, inputs] }],
      [`${layer}.bias`, { data: bias, shape: [outputs] }],
    ]
  })
  return Object.fromEntries(layers)
}
