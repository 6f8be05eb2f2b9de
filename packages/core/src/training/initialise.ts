import { InverseFormError } from '@inverseform/errors'
import type { InverseNetWeights } from '../losses/inverse-net.js'
import type { PlainTensor } from '../ops.js'
import type { Random } from './random.js'

/** Sizes of InverseNet's three layers. */
export interface InverseNetSizes {
  /** Pixels of one tile; the first layer takes two tiles. */
  readonly tilePixels: number
  /** Units of the two hidden layers. */
  readonly hidden: readonly [number, number]
  /** Parameters estimated. */
  readonly outputs: number
}

/** As published: tiles of 224x224; displacement and scale along x and y; 100.4 million weights. */
export const inverseNetSizes: InverseNetSizes = { tilePixels: 224 ** 2, hidden: [1000, 32], outputs: 4 }

/**
 * The published code's SmallInverseNet, of which no weights were released: tiles of 112x112; displacement along x and y; 25.1
 * million weights. Like the other it is run by {@link inverseNet}, and in training by {@link inverseNetForward}.
 */
export const smallInverseNetSizes: InverseNetSizes = { tilePixels: 112 ** 2, hidden: [1000, 32], outputs: 2 }

/**
 * Weights to start training {@link inverseNetForward} from: uniform in ±√(6 / inputs), which keeps the variance of what
 * ReLUs pass on; the last layer's a tenth of that, so that the first estimates are near the identity. Biases are 0, and the
 * last one the identity's parameters.
 *
 * Source: K. He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.
 *
 * @throws `invalid-argument` for sizes that are not positive integers
 */
export function initialiseInverseNet(
  random: Random,
  { tilePixels, hidden, outputs }: InverseNetSizes,
): InverseNetWeights<PlainTensor & { readonly data: Float32Array }> {
  const sizes = [2 * tilePixels, ...hidden, outputs] as const
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new InverseFormError(
      'invalid-argument',
      `InverseNet of the sizes ${sizes.join(', ')} was asked for.`,
      {
        hint: 'Give positive integers.',
        details: { sizes },
      },
    )
  }
  const weight = (layer: 0 | 1 | 2, gain = 1) => {
    const shape = [sizes[layer + 1]!, sizes[layer]!] as const
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

/** 0 for displacements and scales; a matrix's diagonal for 6 and 8 parameters. */
function identityParameters(count: number): number[] {
  const diagonal = count === 6 || count === 8
  return Array.from({ length: count }, (_, i) => (diagonal && i % 4 === 0 ? 1 : 0))
}
