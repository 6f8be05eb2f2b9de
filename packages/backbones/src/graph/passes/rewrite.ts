import { withInputs } from '../operators/index.js'
import { type Graph, topologicalOrder, type Value } from '../value.js'

/**
 * Rebuilds a graph from its inputs to its outputs. `rule` gets each value with rebuilt inputs, and the original value, and
 * returns the replacement. Values that are no longer used are not part of the result.
 */
export function rewrite(graph: Graph, rule: (value: Value, original: Value) => Value): Graph {
  const rebuilt = new Map<Value, Value>()
  for (const original of topologicalOrder(graph)) {
    const inputs = original.inputs.map((input) => rebuilt.get(input) as Value)
    const unchanged = inputs.every((input, i) => input === original.inputs[i])
    rebuilt.set(original, rule(unchanged ? original : withInputs(original, inputs), original))
  }
  const outputs = Object.entries(graph.outputs).map(([name, value]) => [name, rebuilt.get(value) as Value])
  return { outputs: Object.fromEntries(outputs) }
}
