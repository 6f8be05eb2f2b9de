import {
  concat,
  constant,
  conv2d,
  type Graph,
  rewrite,
  type Value,
  type ValueOf,
} from '@inverseform/backbones'

/**
 * The same network without the convolutions that ONNX Runtime's WebGPU provider computes wrongly
 * (1.30 on SwiftShader; probably https://github.com/microsoft/onnxruntime/issues/29651): kernels above 1x1 from a multiple of
 * 3 channels, above 3 and not of 4, to a multiple of 4. hrnet18 has them, from 18 to 36, 72 and 144. Each becomes two,
 * whose outputs are no multiples of 4.
 */
export function splitMiscomputed(graph: Graph): Graph {
  return rewrite(graph, (value) => (value.op === 'conv2d' && isMiscomputed(value) ? split(value) : value))
}

function isMiscomputed({ inputs }: ValueOf<'conv2d'>): boolean {
  const [outputs, channels, height, width] = inputs[1].shape as number[]
  const inThrees = channels > 3 && channels % 3 === 0 && channels % 4 !== 0
  return inThrees && outputs % 4 === 0 && height * width > 1
}

function split({ inputs: [x, weight, bias], attributes }: ValueOf<'conv2d'>): Value {
  const outputs = weight.shape[0] as number
  const half = outputs / 2 + (outputs % 8 === 0 ? 2 : 0)
  const options = { stride: attributes.stride[0], padding: attributes.padding[0] }
  const part = (start: number, end: number) =>
    conv2d(x, rows(weight, start, end), bias && rows(bias, start, end), options)
  return concat([part(0, half), part(half, outputs)], 1)
}

/** Part of a weight along its first axis. */
function rows(value: Value, start: number, end: number): Value {
  const { attributes, shape } = value as ValueOf<'constant'>
  const [, ...rest] = shape as number[]
  const size = rest.reduce((product, n) => product * n, 1)
  const name = `${attributes.name}[${start}:${end}]`
  return constant(name, [end - start, ...rest], async () =>
    (await attributes.load()).slice(start * size, end * size),
  )
}
