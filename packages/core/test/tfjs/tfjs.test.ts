import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import {
  checkLosses,
  checkPrimitives,
  checkRelatedLosses,
  checkSorting,
  checkTraining,
  goldenInputs,
} from '@inverseform/testing/losses'
import { beforeAll, describe, expect, it } from 'vitest'
import { jointLoss, lovaszSoftmaxLoss } from '../../src/index.js'
import { tfjsOps } from '../../src/tfjs/index.js'
import { binding, put } from './binding.js'

const ops = tfjsOps()

beforeAll(() => tf.setBackend('cpu'))

describe('operations on TensorFlow.js', () => checkPrimitives(binding))
describe('sums in sorted order on TensorFlow.js', () => checkSorting(binding))
describe('losses on TensorFlow.js', () => checkLosses(binding))
describe('related losses on TensorFlow.js', () => checkRelatedLosses(binding))
describe('training on TensorFlow.js', () => checkTraining(binding))

describe('with the optimizers of TensorFlow.js', () => {
  const { seg, edgeLogits, target, edgeTarget } = goldenInputs()

  it('the joint loss and Lovász-softmax decrease without leaking tensors', () => {
    const [logits, x] = [seg, edgeLogits].map((input) => tf.variable(put(input)))
    const optimizer = tf.train.sgd(10)
    const loss = () => {
      const inputs = { logits, edgeLogits: x, target, edgeTarget }
      const joint = jointLoss(ops, inputs, { weights: { inverseForm: 0 } })
      return tf.add<tf.Scalar>(joint, lovaszSoftmaxLoss(ops, inputs))
    }
    const step = () => tf.tidy(() => optimizer.minimize(loss, true)!.dataSync()[0])
    const first = step()
    const { numTensors } = tf.memory()
    const second = step()
    expect(second).toBeLessThan(first)
    expect(step()).toBeLessThan(second)
    expect(tf.memory().numTensors).toBe(numTensors)
  })
})

it('products of matrices have second derivatives', () => {
  const { matmul } = tfjsOps()
  // The gradient of a·bᵀ's squares is 2·a·bᵀ·b. Compares the second derivatives by a and b.
  const slope = (b: tf.Tensor) =>
    tf.grad((a: tf.Tensor) => tf.sum(tf.square(matmul(a, b, { transposeB: true }))))
  const expected = (a: tf.Tensor, b: tf.Tensor) => tf.mul(2, tf.matMul(tf.matMul(a, b, false, true), b))
  const [a, b] = [
    tf.tensor([
      [1, 2],
      [3, 4.5],
    ]),
    tf.tensor([
      [0.5, 1],
      [2, -3],
    ]),
  ]
  const squares = (f: typeof expected) => tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.square(f(a, b))))
  const ours = squares((a, b) => slope(b)(a))([a, b])
  squares(expected)([a, b]).forEach((gradient, i) => {
    expect(Array.from(ours[i].dataSync())).toEqual(Array.from(gradient.dataSync()))
  })
})
