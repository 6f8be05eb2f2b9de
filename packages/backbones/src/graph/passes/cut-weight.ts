import { product } from '@inverseform/shared'
import { add, constant } from '../build.js'
import { withInputs } from '../operators/index.js'
import type { Value, ValueOf } from '../value.js'

type Constant = ValueOf<'constant'>

/** A convolution whose weight and optional bias are constants, so that it can be cut. */
export interface Convolution extends ValueOf<'conv2d'> {
  readonly inputs: readonly [Value, Constant, ...Constant[]]
}

export function isCuttable(value: Value): value is Convolution {
  return value.op === 'conv2d' && value.inputs.slice(1).every((input) => input.op === 'constant')
}

/**
 * Returns a convolution over the channels of all `parts` as a sum: `W·concat(a, b) + bias = (Wa·a + bias) + Wb·b`, with
 * the weight cut by input channels. `convolve` builds a summand from a part, its weight and, for the first, the bias.
 */
export function sumOverParts(
  convolution: Convolution,
  parts: readonly Value[],
  convolve: (inputs: readonly [Value, ...Value[]]) => Value = (inputs) => withInputs(convolution, inputs),
): Value {
  const [, weight, ...bias] = convolution.inputs
  let start = 0
  const terms = parts.map((part, i) => {
    const end = start + (part.shape[1] as number)
    const cut = cutInputChannels(weight, start, end)
    start = end
    return convolve([part, cut, ...(i === 0 ? bias : [])])
  })
  return sumInOrder(terms)
}

/**
 * Returns a sum that ONNX Runtime computes from the first term to the last. It computes the second operand of an addition first,
 * with all that it needs; otherwise all terms would wait in memory for the first one.
 */
export function sumInOrder(terms: readonly Value[]): Value {
  return terms.reduce((sum, term) => add(term, sum))
}

/** Returns a function that gives the taps of a weight [K,C,kh,kw] for a range of input channels, each as [K,C,1,1]. Reads the weight once. */
export function tapCutter(weight: Constant, taps: number) {
  const [outputs, inputs, height, width] = weight.shape as number[]
  let [loading, left]: [Promise<Float32Array> | undefined, number] = [undefined, 0]
  function loadOnce(): Promise<Float32Array> {
    if (left === 0) [loading, left] = [weight.attributes.load(), taps]
    const whole = loading as Promise<Float32Array>
    if (--left === 0) loading = undefined
    return whole
  }
  return (start: number, end: number, row: number, column: number): Value => {
    async function load(): Promise<Float32Array> {
      const whole = await loadOnce()
      const cut = new Float32Array(outputs * (end - start))
      let at = 0
      for (let o = 0; o < outputs; o++) {
        for (let i = start; i < end; i++) {
          cut[at++] = whole[((o * inputs + i) * height + row) * width + column]
        }
      }
      return cut
    }
    const name = `${weight.attributes.name}[:, ${start}:${end}, ${row}, ${column}]`
    return constant(name, [outputs, end - start, 1, 1], load)
  }
}

/** Returns a convolution's output channels from `start` up to `end`. */
export function cutOutputs(convolution: Convolution, start: number, end: number): Value {
  const [x, ...parameters] = convolution.inputs
  return withInputs(convolution, [x, ...parameters.map((parameter) => cutFirstAxis(parameter, start, end))])
}

/** Returns the part of a convolution's weight [K,C,kh,kw] for input channels from `start` up to `end`. */
export function cutInputChannels(weight: Constant, start: number, end: number): Value {
  const [outputs, inputs, height, width] = weight.shape as number[]
  if (end - start === inputs) return weight
  const area = height * width
  const size = (end - start) * area
  async function load(): Promise<Float32Array> {
    const whole = await weight.attributes.load()
    const cut = new Float32Array(outputs * size)
    for (let o = 0; o < outputs; o++) {
      const from = (o * inputs + start) * area
      cut.set(whole.subarray(from, from + size), o * size)
    }
    return cut
  }
  const name = `${weight.attributes.name}[:, ${start}:${end}]`
  return constant(name, [outputs, end - start, height, width], load)
}

function cutFirstAxis({ attributes, shape }: Constant, start: number, end: number): Value {
  const [, ...rest] = shape as number[]
  const size = product(rest)
  const name = `${attributes.name}[${start}:${end}]`
  return constant(name, [end - start, ...rest], async () =>
    (await attributes.load()).slice(start * size, end * size),
  )
}
