import { constant } from '../build.js'
import { apply } from '../operators/index.js'
import { countUses, type Graph, type Value, type ValueOf } from '../value.js'
import { rewrite } from './rewrite.js'

/**
 * Merges a non-overlapping convolution (kernel = stride = s, without padding and bias) with the convolution after it
 * (kernel k, stride t, padding p) into one with kernel s·k, stride s·t and padding s·p.
 *
 * Exact when the image's height and width are multiples of s. For other sizes, crop the image first: the first
 * convolution ignores the remainder, but the merged one does not.
 */
export function mergeStem(graph: Graph): Graph {
  const uses = countUses(graph)
  return rewrite(graph, (value, original) => {
    if (value.op !== 'conv2d') return value
    const first = value.inputs[0]
    if (first.op !== 'conv2d' || uses.get(original.inputs[0]) !== 1 || !isPatchwise(first)) return value
    const [inner, outer] = [first.inputs[1], value.inputs[1]]
    if (inner.op !== 'constant' || outer.op !== 'constant') return value
    const patch = first.attributes.stride[0]
    const scaled = ([rows, columns]: readonly [number, number]) => [patch * rows, patch * columns] as const
    const { stride, padding } = value.attributes
    const inputs = [first.inputs[0], compose(inner, outer), ...value.inputs.slice(2)]
    return apply('conv2d', inputs, { stride: scaled(stride), padding: scaled(padding) })
  })
}

function isPatchwise({ inputs, attributes: { stride, padding } }: ValueOf<'conv2d'>): boolean {
  const [, , kh, kw] = inputs[1].shape
  const unpadded = padding[0] === 0 && padding[1] === 0
  return (
    inputs[0].op === 'input' &&
    inputs.length === 2 &&
    unpadded &&
    kh === stride[0] &&
    kw === stride[1] &&
    kh === kw
  )
}

/** merged[o, i, s·y + u, s·x + v] = Σ_m outer[o, m, y, x] · inner[m, i, u, v] */
function compose(inner: ValueOf<'constant'>, outer: ValueOf<'constant'>): Value {
  const [middle, channels, s] = inner.shape as number[]
  const [outputs, , kh, kw] = outer.shape as number[]
  const [height, width] = [s * kh, s * kw]
  async function load(): Promise<Float32Array> {
    const [a, b] = await Promise.all([inner.attributes.load(), outer.attributes.load()])
    const merged = new Float32Array(outputs * channels * height * width)
    let at = 0
    for (let o = 0; o < outputs; o++) {
      for (let i = 0; i < channels; i++) {
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            let sum = 0
            for (let m = 0; m < middle; m++) {
              const fromOuter = b[((o * middle + m) * kh + Math.floor(row / s)) * kw + Math.floor(column / s)]
              sum += fromOuter * a[((m * channels + i) * s + (row % s)) * s + (column % s)]
            }
            merged[at++] = sum
          }
        }
      }
    }
    return merged
  }
  return constant(
    `${outer.attributes.name}*${inner.attributes.name}`,
    [outputs, channels, height, width],
    load,
  )
}
