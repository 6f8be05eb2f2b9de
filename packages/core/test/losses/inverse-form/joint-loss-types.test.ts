import { expect, expectTypeOf, it } from 'vitest'
import { type ArrayTensor, arrayOps } from '../../../src/array/index.js'
import {
  inverseFormLoss,
  type JointLossInputs,
  type JointLossInputsWithoutRegressor,
  type JointLossTerms,
  jointLoss,
  jointLossTerms,
  type Regressor,
} from '../../../src/index.js'

const ops = arrayOps()
const inputs = {
  logits: ops.constant([1, 2], [1, 2, 1, 1]),
  edgeLogits: ops.constant([1], [1, 1, 1, 1]),
  target: Uint8Array.of(0),
  edgeTarget: Uint8Array.of(1),
}
const regressor: Regressor<ArrayTensor> = (ops, prediction, target) =>
  ops.sum(ops.subtract(prediction, target), [2, 3])
const missing = '`regressor` must be a function, got undefined.'
const small = { size: [4, 4], tileGrid: [2, 2] } as const

it('the joint loss needs a regressor by default', () => {
  expectTypeOf(jointLoss(ops, { ...inputs, regressor }, { inverseForm: small })).toEqualTypeOf<ArrayTensor>()
  // @ts-expect-error The regressor is missing.
  expect(() => jointLoss(ops, inputs)).toThrow(missing)
  // @ts-expect-error The regressor is missing.
  expect(() => jointLossTerms(ops, inputs)).toThrow(missing)
  // @ts-expect-error The regressor is missing.
  expect(() => jointLoss(ops, inputs, { weights: { edgeBce: 0 } })).toThrow(missing)
})

it('the joint loss needs a regressor unless the weight of InverseForm is literally 0', () => {
  const terms = jointLossTerms(ops, inputs, { weights: { inverseForm: 0 } })
  expectTypeOf(terms).toEqualTypeOf<JointLossTerms<ArrayTensor>>()
  expectTypeOf(terms.inverseForm).toEqualTypeOf<ArrayTensor | undefined>()
  expect(jointLoss(ops, inputs, { weights: { inverseForm: 0, edgeBce: 1 } }).shape).toEqual([])
  const weight: number = 0.3
  // @ts-expect-error A weight that is not literally 0 needs a regressor.
  expect(() => jointLoss(ops, inputs, { weights: { inverseForm: weight } })).toThrow(missing)
  // @ts-expect-error A weight that is not literally 0 needs a regressor.
  expect(() => jointLossTerms(ops, inputs, { weights: { inverseForm: 0.3 } })).toThrow(missing)
})

it('accepts a regressor that the weights leave unused', () => {
  const loss = jointLoss(ops, { ...inputs, regressor }, { weights: { inverseForm: 0 } })
  expect(loss).toEqual(jointLoss(ops, inputs, { weights: { inverseForm: 0 } }))
})

it('the InverseForm loss needs a regressor', () => {
  const { edgeLogits, edgeTarget } = inputs
  // @ts-expect-error The regressor is missing.
  expect(() => inverseFormLoss(ops, { edgeLogits, edgeTarget })).toThrow(missing)
})

it('the types of the inputs differ only in the regressor', () => {
  expectTypeOf<JointLossInputs<ArrayTensor>['regressor']>().toEqualTypeOf<Regressor<ArrayTensor>>()
  expectTypeOf<JointLossInputsWithoutRegressor<ArrayTensor>['regressor']>().toEqualTypeOf<undefined>()
  expectTypeOf<JointLossInputs<ArrayTensor>>()
    .omit('regressor')
    .toExtend<JointLossInputsWithoutRegressor<ArrayTensor>>()
})
