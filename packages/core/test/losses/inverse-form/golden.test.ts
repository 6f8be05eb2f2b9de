import { deterministicParameter } from '@inverseform/testing'
import {
  goldenInputs,
  goldenTolerances,
  goldenValues,
  gradientTolerance,
  relativeError,
} from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, grad, valueAndGrad } from '../../../src/array/index.js'
import {
  classWeights,
  crossEntropyLoss,
  edgeAttentionLoss,
  edgeBceLoss,
  inverseFormLoss,
  inverseNet,
  jointLossTerms,
  type Regressor,
} from '../../../src/index.js'

const ops = arrayOps()
const { seg, edgeLogits, target, edgeTarget, tensor } = goldenInputs()

function checkGradient(gradient: ArrayTensor | undefined, name: string) {
  const expected = tensor(`grad.${name}`)
  expect(gradient?.shape).toEqual(expected.shape)
  expect(relativeError(gradient!.data, expected.data)).toBeLessThan(
    gradientTolerance(name, goldenTolerances.arrays),
  )
}

function checkValue(value: number, name: string) {
  expect(Math.abs(value / goldenValues[name] - 1)).toBeLessThan(goldenTolerances.arrays.value)
}

describe('against the published code', () => {
  it.each([
    { norm: false, upperBound: 1 },
    { norm: true, upperBound: 1 },
    { norm: false, upperBound: 0.5 },
  ])('class weights and cross-entropy with %o', (options) => {
    const python = `(norm=${options.norm ? 'True' : 'False'},upper_bound=${options.upperBound.toFixed(1)})`
    const expected = goldenValues[`class_weights${python}` as `class_weights(${string})`]
    // With norm, the published weight of a class that does not occur is NaN; ours is 1.
    expect(
      relativeError(
        classWeights(target, 19, options),
        expected.map((weight) => weight ?? 1),
      ),
    ).toBeLessThan(1e-6)
    checkValue(crossEntropyLoss(ops, { logits: seg, target }, options).data[0], `cross_entropy${python}`)
  })

  it('the gradient of the cross-entropy', () => {
    const { gradients } = valueAndGrad((logits: ArrayTensor) => crossEntropyLoss(ops, { logits, target }))(
      seg,
    )
    checkGradient(gradients[0], 'cross_entropy.seg')
  })

  it('the edge cross-entropy and its gradient', () => {
    const { value, gradients } = valueAndGrad((x: ArrayTensor) =>
      edgeBceLoss(ops, { edgeLogits: x, edgeTarget }),
    )(edgeLogits)
    checkValue(value, 'edge_bce')
    checkGradient(gradients[0], 'edge_bce.edge')
  })

  it('the edge attention and its gradient, which is 0 for the edge logits', () => {
    const { value, gradients } = valueAndGrad((logits: ArrayTensor, x: ArrayTensor) =>
      edgeAttentionLoss(ops, { logits, target, edgeLogits: x }),
    )(seg, edgeLogits)
    checkValue(value, 'edge_attention')
    checkGradient(gradients[0], 'edge_attention.seg')
    expect(gradients[1].data.every((g) => g === 0)).toBe(true)
  })

  // InverseNet has 100 million weights, so a single test contains everything that needs them.
  it('the InverseForm term with InverseNet, for each activation, and the joint loss', () => {
    const shapes = {
      'fc.0.weight': [1000, 100352],
      'fc.0.bias': [1000],
      'fc.2.weight': [32, 1000],
      'fc.2.bias': [32],
      'fc.4.weight': [4, 32],
      'fc.4.bias': [4],
    }
    const weights = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        { data: deterministicParameter(name, shape), shape },
      ]),
    )
    const net = inverseNet(ops, weights)
    let coefficients: ArrayTensor | undefined
    const regressor: Regressor<ArrayTensor> = (...tiles) => (coefficients = net(...tiles))
    const term = (activation: 'sigmoid' | 'identity') =>
      valueAndGrad((x: ArrayTensor) =>
        inverseFormLoss(ops, { edgeLogits: x, edgeTarget, regressor }, { activation }),
      )(edgeLogits)

    const sigmoid = term('sigmoid')
    checkValue(sigmoid.value, 'inverseform(activation=sigmoid)')
    checkGradient(sigmoid.gradients[0], 'inverseform_sigmoid.edge')
    const displacements = ops.stopGradient(coefficients!)
    expect(relativeError(displacements.data, tensor('coefficients.sigmoid').data)).toBeLessThan(
      goldenTolerances.arrays.value,
    )

    const identity = term('identity')
    checkValue(identity.value, 'inverseform(activation=identity)')
    checkGradient(identity.gradients[0], 'inverseform_identity.edge')

    const joint = (activation: 'sigmoid' | 'log_softmax', regressor: Regressor<ArrayTensor>) =>
      jointLossTerms(
        ops,
        { logits: seg, edgeLogits, target, edgeTarget, regressor },
        { inverseForm: { activation } },
      )
    const published = joint('log_softmax', net)
    checkValue(published.inverseForm!.data[0], 'inverseform(activation=log_softmax)')
    checkValue(published.total.data[0], 'joint(upstream)')
    checkValue(joint('sigmoid', () => displacements).total.data[0], 'joint(activation=sigmoid)')
  })

  it("the published activation's gradient is exactly 0, the sigmoid's is not", () => {
    const regressor: Regressor<ArrayTensor> = (_, prediction, target) =>
      ops.sum(ops.multiply(ops.subtract(prediction, target), prediction), [2, 3])
    const gradient = (activation: 'sigmoid' | 'log_softmax' | 'softmax') =>
      grad((x: ArrayTensor) =>
        inverseFormLoss(ops, { edgeLogits: x, edgeTarget, regressor }, { activation }),
      )(edgeLogits)[0].data
    expect(gradient('log_softmax').every((g) => g === 0)).toBe(true)
    expect(gradient('softmax').every((g) => g === 0)).toBe(true)
    expect(gradient('sigmoid').some((g) => g !== 0)).toBe(true)
  })
})
