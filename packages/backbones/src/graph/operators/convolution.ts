import { sameDim, windowDim } from '../dim.js'
import { checkRank, mismatch, type Operator } from './operator.js'

export const conv2d: Operator<'conv2d'> = {
  infer(inputs, { stride, padding }) {
    const [x, weight, bias] = inputs
    checkRank('conv2d', inputs, 0, 4)
    checkRank('conv2d', inputs, 1, 4)
    if (!sameDim(x[1], weight[1])) throw mismatch('conv2d', inputs, 'the channels differ')
    if (bias && (bias.length !== 1 || !sameDim(bias[0], weight[0]))) {
      throw mismatch('conv2d', inputs, 'the bias must have one value per output channel')
    }
    const size = (axis: 0 | 1) =>
      windowDim(x[2 + axis], weight[2 + axis] as number, stride[axis], 2 * padding[axis])
    return [x[0], weight[0], size(0), size(1)]
  },
  emit: (emitter, inputs, { stride, padding }) =>
    emitter.node('Conv', inputs, { strides: stride, pads: [...padding, ...padding] }),
}

export const batchNorm: Operator<'batchNorm'> = {
  infer(inputs) {
    const [x, ...parameters] = inputs
    if (parameters.length !== 4 || parameters.some((p) => p.length !== 1 || !sameDim(p[0], x[1]))) {
      throw mismatch('batchNorm', inputs, 'scale, shift, mean and variance must have one value per channel')
    }
    return x
  },
  emit: (emitter, inputs, { epsilon }) =>
    emitter.node('BatchNormalization', inputs, { epsilon: { float: epsilon } }),
}
