import { concat } from '../build.js'
import { elementsOf, TYPICAL_SIZE } from '../memory.js'
import { withInputs } from '../operators/index.js'
import { countUses, type Graph, topologicalOrder, type Value } from '../value.js'
import { type Convolution, cutOutputs, isCuttable, sumOverParts } from './cut-weight.js'

/** The most elements of a part, for an image of 1024x2048. */
const MOST = 2 ** 24

/**
 * Computes wide maps in parts of channels that are never joined: convolutions cut their weights by output and input channels,
 * operators that act channel by channel follow, and `concat` adds to the list of parts. So few maps are large, and ONNX Runtime's
 * memory does not fragment. Results agree to rounding, with the same number of multiplications.
 */
export function splitChannels(graph: Graph): Graph {
  const uses = countUses(graph)
  const rebuilt = new Map<Value, Value>()
  /** The parts of the values that are not whole, along axis 1. */
  const parts = new Map<Value, readonly Value[]>()

  const whole = (value: Value): Value => {
    const known = rebuilt.get(value)
    if (known) return known
    const joined = concat(parts.get(value) as readonly Value[], 1)
    rebuilt.set(value, joined)
    return joined
  }
  const partsOf = (value: Value): readonly Value[] => parts.get(value) ?? [rebuilt.get(value) as Value]

  for (const value of topologicalOrder(graph)) {
    const split = partsOfResult(value)
    if (split && split.length > 1) parts.set(value, split)
    else rebuilt.set(value, split ? split[0] : withWholeInputs(value))
  }
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, whole(value)])
  return { outputs: Object.fromEntries(outputs) }

  function withWholeInputs(value: Value): Value {
    const inputs = value.inputs.map((input, i) => other(value, input, i))
    return inputs.every((input, i) => input === value.inputs[i]) ? value : withInputs(value, inputs)
  }

  /** Returns an input that is not cut. Where only its height and width matter, a part will do. */
  function other({ op }: Value, input: Value, i: number): Value {
    const isSize = i === 1 && (op === 'resizeLike' || op === 'unflattenSpatialLike')
    return isSize || op === 'resizeWeights' ? partsOf(input)[0] : whole(input)
  }

  /** Returns the parts of a value; undefined if it needs its inputs as they are. */
  function partsOfResult(value: Value): readonly Value[] | undefined {
    if (isCuttable(value)) return convolutionInParts(value)
    const { op, inputs } = value
    if (op === 'concat' && value.attributes.axis === 1) {
      return inputs.some((input) => parts.has(input)) ? inputs.flatMap(partsOf) : undefined
    }
    const acting = inputs.filter((_, i) => actsOnChannels(value, i))
    const model = acting.map(partsOf).find((list) => list.length > 1)
    if (!model || !acting.every((input) => isCutAs(partsOf(input), model) || canCut(input))) return undefined
    return rangesOf(model).map(([start, end], part) =>
      withInputs(
        value,
        inputs.map((input, i) => {
          if (!actsOnChannels(value, i)) return other(value, input, i)
          const list = partsOf(input)
          return isCutAs(list, model) ? list[part] : cutChannels(input, start, end)
        }),
      ),
    )
  }

  /** Whether channels of a value can be computed separately without extra work. */
  function canCut(value: Value): boolean {
    if (uses.get(value) !== 1 || parts.has(value)) return false
    if (isCuttable(value)) return true
    const acting = value.inputs.filter((_, i) => actsOnChannels(value, i))
    return acting.length > 0 && acting.every(canCut)
  }

  function cutChannels(value: Value, start: number, end: number): Value {
    if (isCuttable(value)) return convolve(value, start, end)
    return withInputs(
      value,
      value.inputs.map((input, i) =>
        actsOnChannels(value, i) ? cutChannels(input, start, end) : other(value, input, i),
      ),
    )
  }

  /** Returns output channels of a convolution, from the parts of its input. */
  function convolve(value: Convolution, start: number, end: number): Value {
    const list = partsOf(value.inputs[0])
    const isWhole = start === 0 && end === value.shape[1]
    const cut = (isWhole ? value : cutOutputs(value, start, end)) as Convolution
    if (list.length > 1) return sumOverParts(cut, list)
    return list[0] === cut.inputs[0] ? cut : withInputs(cut, [list[0], ...cut.inputs.slice(1)])
  }

  function convolutionInParts(value: Convolution): readonly Value[] {
    const channels = value.shape[1] as number
    const count = Math.min(channels, Math.ceil(elementsOf(value, TYPICAL_SIZE) / MOST))
    const bound = (i: number) => Math.round((i * channels) / count)
    return Array.from({ length: count }, (_, i) => convolve(value, bound(i), bound(i + 1)))
  }
}

/** Whether an operator handles an input channel by channel, so that parts of it give parts of the result. */
function actsOnChannels({ op, inputs, attributes, shape }: Value, i: number): boolean {
  const alike = inputs[i].shape[1] === shape[1]
  switch (op) {
    case 'relu':
    case 'sigmoid':
    case 'add':
    case 'multiply':
      return alike
    case 'flattenSpatial':
      return true
    case 'resizeLike':
    case 'unflattenSpatialLike':
      return i === 0
    case 'concat':
      return attributes.axis > 1
    case 'matmul':
      // The rows of a product of matrices [N,C,·], and all of those that resize.
      return inputs[1 - i].op === 'resizeWeights' || (i === 0 && shape.length === 3)
    default:
      return false
  }
}

/** Returns the channels of each part, from the first up to but without the last. */
function rangesOf(list: readonly Value[]): [start: number, end: number][] {
  let end = 0
  return list.map(({ shape }) => [end, (end += shape[1] as number)])
}

const isCutAs = (a: readonly Value[], b: readonly Value[]) =>
  a.length === b.length && a.every(({ shape }, i) => shape[1] === b[i].shape[1])
