import { product } from '@inverseform/shared'
import { evaluateShape } from '../dim.js'
import { withInputs } from '../operators/index.js'
import { countUses, type Graph, graphInputs, topologicalOrder, type Value } from '../value.js'
import { cutOutputs, isCuttable, sumOverParts } from './cut-weight.js'
import { rewrite } from './rewrite.js'

/**
 * Computes a large layer in parts, one after the other, if only one convolution reads it:
 * `V·relu(W·x) = V1·relu(W1·x) + V2·relu(W2·x)` with W cut by output and V by input channels. The layer may be a
 * convolution, or a sum or resize of convolutions as `commuteResize` and `convolveSmall` build them, with or without an activation.
 * A layer is large if it exceeds all values that are needed whole; no part does. Results agree to rounding with the same
 * number of multiplications, and the layer never exists as a whole.
 */
export function splitHidden(graph: Graph): Graph {
  const hidden = hiddenValues(graph)
  const elements = elementCounter(graph)
  const whole = topologicalOrder(graph).filter((value) => !hidden.has(value))
  const most = Math.max(...whole.map(elements))
  return rewrite(graph, (value, original) => {
    if (!isCuttable(value) || !hidden.has(original.inputs[0])) return value
    const [x] = value.inputs
    const channels = x.shape[1] as number
    const count = Math.min(channels, Math.ceil(elements(x) / most))
    if (count === 1) return value
    const bound = (i: number) => Math.round((i * channels) / count)
    const parts = Array.from({ length: count }, (_, i) => cutChannels(x, bound(i), bound(i + 1)))
    return sumOverParts(value, parts)
  })
}

/** Returns the values of layers with one reader, a convolution, whose channels can be computed separately without extra work. */
function hiddenValues(graph: Graph): Set<Value> {
  const uses = countUses(graph)
  const cuttable = new Set<Value>()
  const hidden = new Set<Value>()
  for (const value of topologicalOrder(graph)) {
    if (isCuttable(value) && cuttable.has(value.inputs[0])) collect(value.inputs[0])
    const from = sources(value)
    const bySource = from.length > 0 && from.every((x) => cuttable.has(x) && x.shape[1] === value.shape[1])
    if (uses.get(value) === 1 && (bySource || isCuttable(value))) cuttable.add(value)
  }
  return hidden

  function collect(value: Value): void {
    hidden.add(value)
    sources(value).forEach(collect)
  }
}

/** Returns the inputs that an operator handles channel by channel. Empty for convolutions, which cut their weight, and others. */
function sources(value: Value): readonly Value[] {
  return value.inputs.filter((_, i) => isSource(value, i))
}

function isSource({ op, inputs, attributes }: Value, i: number): boolean {
  if (op === 'add') return true
  if (op === 'concat') return attributes.axis > 1
  if (op === 'matmul') return inputs[1 - i].op === 'resizeWeights'
  return i === 0 && (op === 'relu' || op === 'sigmoid' || op === 'resizeLike')
}

function cutChannels(value: Value, start: number, end: number): Value {
  if (isCuttable(value)) return cutOutputs(value, start, end)
  return withInputs(
    value,
    value.inputs.map((input, i) => (isSource(value, i) ? cutChannels(input, start, end) : input)),
  )
}

/** Returns a function that counts a value's elements, with 1024 for every symbol. */
function elementCounter(graph: Graph): (value: Value) => number {
  const dims = graphInputs(graph).flatMap(({ shape }) => shape)
  const symbols = dims.flatMap((dim) =>
    typeof dim === 'number' ? [] : dim.terms.map(({ symbol }) => symbol),
  )
  const bindings = Object.fromEntries(symbols.map((name) => [name, 1024]))
  return ({ shape }) => product(evaluateShape(shape, bindings))
}
