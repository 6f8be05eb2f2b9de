import { type Graph, topologicalOrder, type Value } from '../value.js'
import { isCuttable, sumOverParts } from './cut-weight.js'
import { rewrite } from './rewrite.js'

/**
 * Replaces convolutions over a concatenation by sums of convolutions over its parts:
 * `W·concat(a, b) + bias = (Wa·a + bias) + Wb·b` with W cut by input channels, for any kernel, stride and padding.
 * Results agree to rounding with the same number of multiplications, and the concatenation is never built. A
 * concatenation with other readers is kept, because it would be built anyway.
 */
export function splitConcat(graph: Graph): Graph {
  const neededWhole = readByOthers(graph)
  return rewrite(graph, (value, original) => {
    if (!isCuttable(value) || neededWhole.has(original.inputs[0])) return value
    const [x] = value.inputs
    if (x.op !== 'concat' || x.attributes.axis !== 1) return value
    return sumOverParts(value, x.inputs)
  })
}

/** Returns the values that operators other than convolutions read. */
function readByOthers(graph: Graph): Set<Value> {
  const read = new Set(Object.values(graph.outputs))
  for (const value of topologicalOrder(graph)) {
    for (const input of value.inputs.slice(isCuttable(value) ? 1 : 0)) read.add(input)
  }
  return read
}
