import { add, constant, conv2d, resizeLike } from '../build.js'
import type { Graph, Value, ValueOf } from '../value.js'
import { rewrite } from './rewrite.js'

/**
 * Moves 1x1 convolutions from behind a resize to before it.
 *
 * Bilinear interpolation acts on each channel with weights that sum to one, a 1x1 convolution on each pixel, so
 * `W·concat(x0, up(x1), …) + b = (W0·x0 + b) + up(W1·x1) + …` with W cut by input channels.
 * The numbers are the same to rounding; the multiplications are done at the smaller size, and the concatenation
 * of all channels is never made.
 */
export function commuteResize(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    if (!isPointwise(value)) return value
    const [x, weight, bias] = value.inputs
    const parts = x.op === 'concat' && x.attributes.axis === 1 ? x.inputs : [x]
    if (weight.op !== 'constant' || !parts.some((part) => part.op === 'resizeLike')) return value

    let start = 0
    let biasLeft: Value | undefined = bias
    const terms = parts.map((part) => {
      const channels = part.shape[1] as number
      const cut = parts.length === 1 ? weight : cutInputChannels(weight, start, channels)
      start += channels
      const at = part.op === 'resizeLike' ? part.inputs[0] : part
      const term = conv2d(at, cut, biasLeft)
      biasLeft = undefined
      return part.op === 'resizeLike' ? resizeLike(term, part.inputs[1]) : term
    })
    return terms.reduce(add)
  })
}

function isPointwise(value: Value): value is ValueOf<'conv2d'> {
  if (value.op !== 'conv2d') return false
  const { stride, padding } = value.attributes
  const [, , kh, kw] = value.inputs[1].shape
  return [kh, kw, ...stride].every((n) => n === 1) && padding.every((n) => n === 0)
}

function cutInputChannels(weight: ValueOf<'constant'>, start: number, channels: number): Value {
  const [outputs, inputs] = weight.shape as number[]
  async function load(): Promise<Float32Array> {
    const whole = await weight.attributes.load()
    const cut = new Float32Array(outputs * channels)
    for (let o = 0; o < outputs; o++) {
      cut.set(whole.subarray(o * inputs + start, o * inputs + start + channels), o * channels)
    }
    return cut
  }
  return constant(
    `${weight.attributes.name}[:, ${start}:${start + channels}]`,
    [outputs, channels, 1, 1],
    load,
  )
}
