import { apply, withInputs } from './operators/index.js'
import { rewrite } from './passes/rewrite.js'
import { type ActivationScale, type Graph, topologicalOrder, type Value } from './value.js'

/** Operators that ONNX Runtime computes on 8-bit codes, or fuses with one that it does. */
const onCodes: ReadonlySet<Value['op']> = new Set(['conv2d', 'add', 'concat', 'resizeLike', 'relu'])

/**
 * Returns the maps of a graph that `quantizeMaps` quantizes, in topological order: those between its convolutions. What
 * becomes an output, and what attention and the image's first convolution compute from, stays float32.
 */
export function quantizedMaps(graph: Graph): Value[] {
  return [...quantizedBy(graph).maps]
}

function quantizedBy(graph: Graph) {
  const order = topologicalOrder(graph)
  const readers = new Map<Value, Value[]>(order.map((value) => [value, []]))
  for (const value of order) {
    for (const input of value.inputs) readers.get(input)?.push(value)
  }
  const outputs = new Set(Object.values(graph.outputs))
  const maps = new Set<Value>()
  /** Whether nothing reads a value but one relu, which is then part of its rounding. */
  const isFused = (value: Value) => {
    const uses = readers.get(value) as Value[]
    return uses.length === 1 && uses[0].op === 'relu' && !outputs.has(value)
  }
  /** Whether the codes of a value, or of the relu after it, are all that is read of it. */
  const becomesCodes = (value: Value): boolean =>
    maps.has(value) || (isFused(value) && maps.has((readers.get(value) as Value[])[0]))
  const takesCodes = (use: Value, value: Value): boolean => {
    if (use.op === 'conv2d') return use.inputs[0] === value && use.inputs[1].op === 'constant'
    if (use.op === 'resizeLike' && use.inputs[0] !== value) return false
    return onCodes.has(use.op) && becomesCodes(use)
  }
  // From the outputs on: a map is quantized if what reads it computes on codes.
  for (const value of order.toReversed()) {
    if (!onCodes.has(value.op) || outputs.has(value) || isFused(value)) continue
    if (readers.get(value)?.some((use) => takesCodes(use, value))) maps.add(value)
  }
  return { maps: order.filter((value) => maps.has(value)), becomesCodes }
}

/**
 * Returns the graph with its maps rounded to 8 bits, and the weights of the convolutions between them. `scales` belong to
 * `quantizedMaps(graph)`. Run all other passes first: they do not see through rounded maps.
 */
export function quantizeMaps(graph: Graph, scales: readonly ActivationScale[]): Graph {
  const { maps, becomesCodes } = quantizedBy(graph)
  const scaleOf = new Map(maps.map((value, i) => [value, scales[i]]))
  return rewrite(graph, (value, original) => {
    const rounded = value.op === 'conv2d' && becomesCodes(original) ? withRoundedWeight(value) : value
    const scale = scaleOf.get(original)
    return scale ? apply('quantize', [rounded], scale) : rounded
  })
}

/** Rounds the weight of a convolution of rounded maps. */
function withRoundedWeight(value: Value): Value {
  const [x, weight, ...bias] = value.inputs
  if (x.op !== 'quantize') return value
  return withInputs(value, [x, apply('quantizeWeight', [weight], {}), ...bias])
}

/** Whether maps or weights of a graph are rounded. */
export function isQuantized(graph: Graph): boolean {
  return topologicalOrder(graph).some(({ op }) => op === 'quantize' || op === 'quantizeWeight')
}

/** Returns the graph without rounded maps, for devices that compute in floating point. Its weights stay as they are. */
export function withoutQuantization(graph: Graph): Graph {
  if (!isQuantized(graph)) return graph
  return rewrite(graph, (value) =>
    value.op === 'quantize' || value.op === 'quantizeWeight' ? value.inputs[0] : value,
  )
}
