import { concat } from '../build.js'
import type { Graph, ValueOf } from '../value.js'
import { cutOutputs, isCuttable } from './cut-weight.js'
import { rewrite } from './rewrite.js'

/**
 * Splits the convolutions that ONNX Runtime's WebGPU provider computes wrongly (1.30 on SwiftShader; probably
 * https://github.com/microsoft/onnxruntime/issues/29651). They have a kernel above 1x1, and their input channels are a
 * multiple of 3, above 3 and not a multiple of 4, and their output channels a multiple of 4. hrnet18 has them from 18 to
 * 36, 72 and 144 channels. Each is split in two whose outputs are not multiples of 4. Run it last, because other passes
 * add convolutions.
 */
export function splitMiscomputed(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    if (!isCuttable(value) || !isMiscomputed(value)) return value
    const outputs = value.inputs[1].shape[0] as number
    const half = outputs / 2 + (outputs % 8 === 0 ? 2 : 0)
    return concat([cutOutputs(value, 0, half), cutOutputs(value, half, outputs)], 1)
  })
}

function isMiscomputed({ inputs }: ValueOf<'conv2d'>): boolean {
  const [outputs, channels, height, width] = inputs[1].shape as number[]
  const inThrees = channels > 3 && channels % 3 === 0 && channels % 4 !== 0
  return inThrees && outputs % 4 === 0 && height * width > 1
}
