import { checkInteger } from '@inverseform/errors'
import type { Random } from '@inverseform/shared'
import type { InverseNetWeights } from '../losses/inverse-form/inverse-net.js'
import type { PlainTensor } from '../ops.js'

/** Sizes of the three layers of InverseNet. */
export interface InverseNetSizes {
  /** Pixels of one tile. The first layer reads two tiles. */
  readonly tilePixels: number
  /** Units of the two hidden layers. */
  readonly hidden: readonly [number, number]
  /** Number of estimated parameters. */
  readonly outputs: number
}

/** The published sizes: tiles of 224x224; displacement and scale along x and y; 100.4 million weights. */
export const inverseNetSizes: InverseNetSizes = { tilePixels: 224 ** 2, hidden: [1000, 32], outputs: 4 }

/**
 * The sizes of the published code's SmallInverseNet, whose weights were not released: tiles of 112x112; displacement along x and
 * y; 25.1 million weights. Run it with {@link inverseNet}, or with {@link inverseNetForward} in training.
 */
export const smallInverseNetSizes: InverseNetSizes = { tilePixels: 112 ** 2, hidden: [1000, 32], outputs: 2 }

/**
 * Returns initial weights for training {@link inverseNetForward}. Weights are uniform in ±√(6 / inputs), which preserves the
 * variance through ReLUs. Those of the last layer are a tenth as large, so that the first estimates are near the identity.
 * Biases are 0, except that the last bias holds the parameters of the identity.
 *
 * Source: K. He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.
 *
 * @throws InverseFormError `invalid-argument` for sizes that are not positive integers
 */
export function initializeInverseNet(
  random: Random,
  { tilePixels, hidden, outputs }: InverseNetSizes,
): InverseNetWeights<PlainTensor & { readonly data: Float32Array }> {
  const sizes = [2 * tilePixels, ...hidden, outputs] as const
  checkInteger('tilePixels', tilePixels, { min: 1 })
  checkInteger('hidden[0]', hidden[0], { min: 1 })
  checkInteger('hidden[1]', hidden[1], { min: 1 })
  checkInteger('outputs', outputs, { min: 1 })
  const weight = (layer: 0 | 1 | 2, gain = 1) => {
    const shape = [sizes[layer + 1], sizes[layer]] as const
    const bound = gain * Math.sqrt(6 / shape[1])
    const data = new Float32Array(shape[0] * shape[1])
    for (let i = 0; i < data.length; i++) data[i] = bound * (2 * random() - 1)
    return { data, shape }
  }
  const bias = (length: number) => ({ data: new Float32Array(length), shape: [length] })
  return {
    'fc.0.weight': weight(0),
    'fc.0.bias': bias(hidden[0]),
    'fc.2.weight': weight(1),
    'fc.2.bias': bias(hidden[1]),
    'fc.4.weight': weight(2, 0.1),
    'fc.4.bias': { data: Float32Array.from(identityParameters(outputs)), shape: [outputs] },
  }
}

/** Returns 0 for displacements and scales, and the diagonal of the matrix for 6 and 8 parameters. */
function identityParameters(count: number): number[] {
  const diagonal = count === 6 || count === 8
  return Array.from({ length: count }, (_, i) => (diagonal && i % 4 === 0 ? 1 : 0))
}
