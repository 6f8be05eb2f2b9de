import { InverseFormError } from '@inverseform/errors'
import type { PlainTensor, TensorOps } from '../ops.js'
import { shapeText, sizeMismatch, sizeOf } from '../shape.js'
import type { Regressor } from './inverse-form.js'

const layers = ['fc.0', 'fc.2', 'fc.4'] as const
type Layer = (typeof layers)[number]

/** InverseNet's parameters by the published checkpoint's names: weights [outputs, inputs] and biases [outputs]. */
export type InverseNetWeights<Tensor> = Readonly<Record<`${Layer}.${'weight' | 'bias'}`, Tensor>>

/**
 * InverseNet: the regressor that {@link inverseForm} compares boundary maps with. Three linear layers, ReLU after the first
 * two, on the pixels of a predicted tile followed by those of the true one. Published sizes: 2 · 224², 1000, 32 and 4;
 * any others that fit each other are taken.
 *
 * The weights are frozen: gradients flow to the tiles alone. To train them, use {@link inverseNetForward}.
 *
 * @param weights plain arrays by {@link InverseNetWeights}' names, as `readInverseNet` of `@inverseform/backbones` gives them;
 *   others are passed over
 * @throws `invalid-argument` for a missing tensor; `size-mismatch` when sizes do not fit each other, or the tiles
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
          throw new InverseFormError('invalid-argument', `InverseNet's weights have no tensor ${name}.`, {
            hint: 'Give those of distance_measures_regressor.pth, with prefixes such as `module.` taken off their names, as readInverseNet of @inverseform/backbones does.',
            details: { name, names: Object.keys(weights) },
          })
        }
        return [name, ops.constant(tensor.data, tensor.shape)]
      }),
  ) as InverseNetWeights<T>
  checkLayers(ops, constants)
  return (_, prediction, target) => inverseNetForward(ops, constants, prediction, target)
}

/**
 * InverseNet's coefficients, with weights as tensors: gradients flow to them too.
 *
 * @param prediction tiles, [tiles, 1, height, width]
 * @param target likewise
 * @returns [tiles, coefficients]
 * @throws `size-mismatch` when sizes do not fit each other
 */
export function inverseNetForward<T>(
  ops: TensorOps<T>,
  weights: InverseNetWeights<T>,
  prediction: T,
  target: T,
): T {
  const inputs = checkLayers(ops, weights)
  const shape = ops.shape(prediction)
  const pixels = sizeOf(shape.slice(1))
  if (2 * pixels !== inputs || shapeText(shape) !== shapeText(ops.shape(target))) {
    throw sizeMismatch(
      `InverseNet takes two tiles of ${inputs / 2} pixels; it was given ${shapeText(shape)} and ${shapeText(ops.shape(target))}.`,
      'Set size and tileGrid so that tiles have as many pixels as the weights were made for (224x224 as published).',
      { inputs, prediction: shape, target: ops.shape(target) },
    )
  }
  const flat = [shape[0]!, pixels]
  const linear = (x: T, layer: Layer) => {
    const product = ops.matmul(x, weights[`${layer}.weight`], { transposeB: true })
    return ops.add(product, weights[`${layer}.bias`])
  }
  const relu = (x: T) => ops.maximum(x, 0)
  const tiles = ops.concat([ops.reshape(prediction, flat), ops.reshape(target, flat)], 1)
  return linear(relu(linear(relu(linear(tiles, 'fc.0')), 'fc.2')), 'fc.4')
}

/** Checks that each layer takes what the one before gives; returns what the first one takes. */
function checkLayers<T>(ops: TensorOps<T>, weights: InverseNetWeights<T>): number {
  const shapes = layers.map((layer) => ops.shape(weights[`${layer}.weight`]))
  layers.forEach((layer, i) => {
    const shape = shapes[i]!
    const bias = ops.shape(weights[`${layer}.bias`])
    const inputs = i === 0 ? shape[1] : shapes[i - 1]![0]
    if (shape.length === 2 && shape[1] === inputs && bias.length === 1 && bias[0] === shape[0]) return
    throw sizeMismatch(
      `InverseNet's ${layer}.weight is ${shapeText(shape)} and its bias ${shapeText(bias)}, after a layer of ${inputs}.`,
      'Give weights [outputs, inputs] and biases [outputs] that fit the layer before.',
      { layer, weight: shape, bias },
    )
  })
  return shapes[0]![1]!
}
