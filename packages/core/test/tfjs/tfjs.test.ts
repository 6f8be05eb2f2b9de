import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
// Importing the whole of @tensorflow/tfjs does this for its users.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { jointLoss, type PlainTensor } from '../../src/index.js'
import { tfjsOps } from '../../src/tfjs/index.js'
import { type Binding, checkLosses, checkPrimitives } from '../support/binding-suite.js'
import { goldenInputs } from '../support/golden.js'

beforeAll(() => tf.setBackend('cpu'))

const put = ({ data, shape }: PlainTensor) => tf.tensor(Float32Array.from(data), [...shape])
const take = (x: tf.Tensor): PlainTensor => ({ data: x.dataSync(), shape: x.shape })

const binding: Binding<tf.Tensor> = {
  ops: tfjsOps,
  run(f, inputs) {
    const result = tf.tidy(() => f(...inputs.map(put)))
    return take(result)
  },
  differentiate(f, inputs) {
    const scalar = (...xs: tf.Tensor[]) => tf.reshape<tf.Rank.R0>(f(...xs), [])
    const { value, grads } = tf.valueAndGrads(scalar)(inputs.map(put))
    return { value: value.dataSync()[0]!, gradients: grads.map(take) }
  },
}

describe('operations on TensorFlow.js', () => checkPrimitives(binding))
describe('losses on TensorFlow.js', () => checkLosses(binding))

describe('with the optimizers of TensorFlow.js', () => {
  const { seg, edge, labels, edges } = goldenInputs()

  it('the joint loss falls, and nothing is left behind', () => {
    const [logits, x] = [seg, edge].map((input) => tf.variable(put(input)))
    const optimizer = tf.train.sgd(10)
    const loss = () => {
      const inputs = { logits: logits!, edge: x!, labels, edges }
      return jointLoss(tfjsOps, inputs, { weights: { inverseForm: 0 } }) as tf.Scalar
    }
    const step = () => tf.tidy(() => optimizer.minimize(loss, true)!.dataSync()[0]!)
    const first = step()
    const { numTensors } = tf.memory()
    const second = step()
    expect(second).toBeLessThan(first)
    expect(step()).toBeLessThan(second)
    expect(tf.memory().numTensors).toBe(numTensors)
  })
})
