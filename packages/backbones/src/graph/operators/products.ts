import { sameDim, sameShape } from '../dim.js'
import { checkRank, mismatch, type Operator } from './operator.js'

export const matmul: Operator<'matmul'> = {
  infer(inputs) {
    const [a, b] = inputs
    const rank = a.length
    if (rank < 2 || b.length !== rank || !sameShape(a.slice(0, -2), b.slice(0, -2))) {
      throw mismatch('matmul', inputs, 'the batch axes differ')
    }
    if (!sameDim(a[rank - 1], b[rank - 2])) throw mismatch('matmul', inputs, 'the inner sizes differ')
    return [...a.slice(0, -1), b[rank - 1]]
  },
  emit: (emitter, inputs) => emitter.node('MatMul', inputs),
}

export const linear: Operator<'linear'> = {
  infer(inputs) {
    checkRank('linear', inputs, 0, 2)
    const [x, weight, bias] = inputs
    if (!sameDim(x[1], weight[1]) || !sameDim(bias[0], weight[0])) {
      throw mismatch('linear', inputs, 'weight must be [outputs, inputs] and bias [outputs]')
    }
    return [x[0], weight[0]]
  },
  emit: (emitter, inputs) => emitter.node('Gemm', inputs, { transB: 1 }),
}
