import { InverseFormError } from '@inverseform/errors'
import type { Operator } from './operator.js'

export const quantize: Operator<'quantize'> = {
  infer: ([x]) => x,
  emit(emitter, [x], { scale, zeroPoint }) {
    const by = [emitter.float(scale), emitter.uint8(zeroPoint)]
    return emitter.node('DequantizeLinear', [emitter.node('QuantizeLinear', [x, ...by]), ...by])
  },
}

export const quantizeWeight: Operator<'quantizeWeight'> = {
  infer: ([weight]) => weight,
  emit() {
    throw new InverseFormError('invalid-argument', 'quantizeWeight needs a constant.', {
      hint: 'Use quantize for values that the graph computes.',
    })
  },
}
