import { InverseFormError } from '@inverseform/errors'
import { product } from '@inverseform/shared'
import type { PlainTensor, TensorOps } from '../../ops.js'
import { shapeText, sizeMismatch } from '../../shape.js'
import type { Regressor } from './inverse-form.js'

const layers = ['fc.0', 'fc.2', 'fc.4'] as const
type Layer = (typeof layers)[number]

/** InverseNet's parameters by their names in the published checkpoint: weights [outputs, inputs] and biases [outputs]. */
export type InverseNetWeights<Tensor> = Readonly<Record<`${Layer}.${'weight' | 'bias'}`, Tensor>>

/**
 * InverseNet, the regressor of {@link inverseFormLoss}. It has three linear layers, with ReLU after the first two, and reads the
 * pixels of a predicted tile followed by those of the target tile. The published sizes are 2 · 224², 1000, 32 and 4; other
 * sizes are accepted if the layers fit each other.
 *
 * The weights are frozen: gradients flow only to the tiles. To train the weights, use {@link inverseNetForward}.
 *
 * @param weights plain tensors by the names of {@link InverseNetWeights}, as `readInverseNet` of `@inverseform/backbones`
 *   returns them; other names are ignored
 * @throws InverseFormError `invalid-argument` for a missing tensor; `size-mismatch` when the layers do not fit each other or,
 *   later, the tiles
 */
export function inverseNet<T>(
  ops: TensorOps<T>,
  weights: Readonly<Record<string, PlainTensor | undefined>>,
): Regressor<T> {
  const constants = Object.fromEntries(
    layers
      .flatMap((layer) => [`${layer}.weight`, `${layer}.bias`] as const)
      .map((name) => {
        const tensor = weights[name]
        if (!tensor) {
          throw new InverseFormError(
            'invalid-argument',
            `\`weights\` of InverseNet must have a tensor ${name}.`,
            {
              hint: 'Use the weights of distance_measures_regressor.pth. Remove prefixes such as `module.` from their names, as readInverseNet of @inverseform/backbones does.',
              details: { name, names: Object.keys(weights) },
            },
          )
        }
        return [name, ops.constant(tensor.data, tensor.shape)]
      }),
  ) as InverseNetWeights<T>
  checkLayers(ops, constants)
  return (_, prediction, target) => inverseNetForward(ops, constants, prediction, target)
}

/**
 * Runs InverseNet with weights that are tensors, so that gradients flow to them too.
 *
 * @param prediction tiles, [tiles, 1, height, width]
 * @param target tiles of the same shape
 * @returns [tiles, coefficients]
 * @throws InverseFormError `size-mismatch` when sizes do not fit each other
 */
export function inverseNetForward<T>(
  ops: TensorOps<T>,
  weights: InverseNetWeights<T>,
  prediction: T,
  target: T,
): T {
  const inputs = checkLayers(ops, weights)
  const shape = ops.shape(prediction)
  const pixels = product(shape.slice(1))
  if (2 * pixels !== inputs || shapeText(shape) !== shapeText(ops.shape(target))) {
    throw sizeMismatch(
      `InverseNet needs two tiles of ${inputs / 2} pixels, got ${shapeText(shape)} and ${shapeText(ops.shape(target))}.`,
      'Set `size` and `tileGrid` so that tiles have the size that the weights were trained for (224x224 as published).',
      { inputs, prediction: shape, target: ops.shape(target) },
    )
  }
  const flat = [shape[0], pixels]
  const linear = (x: T, layer: Layer) => {
    const weighted = ops.matmul(x, weights[`${layer}.weight`], { transposeB: true })
    return ops.add(weighted, weights[`${layer}.bias`])
  }
  const relu = (x: T) => ops.maximum(x, 0)
  const tiles = ops.concat([ops.reshape(prediction, flat), ops.reshape(target, flat)], 1)
  return linear(relu(linear(relu(linear(tiles, 'fc.0')), 'fc.2')), 'fc.4')
}

/** Throws unless each layer fits the previous one. Returns the number of inputs of the first layer. */
function checkLayers<T>(ops: TensorOps<T>, weights: InverseNetWeights<T>): number {
  const shapes = layers.map((layer) => ops.shape(weights[`${layer}.weight`]))
  layers.forEach((layer, i) => {
    const shape = shapes[i]
    const bias = ops.shape(weights[`${layer}.bias`])
    const inputs = i === 0 ? shape[1] : shapes[i - 1][0]
    if (shape.length === 2 && shape[1] === inputs && bias.length === 1 && bias[0] === shape[0]) return
    throw sizeMismatch(
      `InverseNet's ${layer}.weight and ${layer}.bias must fit ${inputs} inputs, got ${shapeText(shape)} and ${shapeText(bias)}.`,
      'Give weights [outputs, inputs] and biases [outputs] that fit the previous layer.',
      { layer, weight: shape, bias },
    )
  })
  return shapes[0][1]
}
