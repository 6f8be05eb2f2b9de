import { formatShape } from '../dim.js'
import type { Graph, Value } from '../value.js'
import { rewrite } from './rewrite.js'

/** Computes values once that have the same operator, inputs and attributes. Names identify inputs and constants. */
export function shareValues(graph: Graph): Graph {
  const ids = new Map<Value, number>()
  const known = new Map<string, Value>()
  return rewrite(graph, (value) => {
    const key =
      value.op === 'constant'
        ? `constant ${value.attributes.name} ${formatShape(value.shape)}`
        : `${value.op} ${value.inputs.map((input) => ids.get(input))} ${JSON.stringify(value.attributes)}`
    const shared = known.get(key) ?? value
    known.set(key, shared)
    if (!ids.has(shared)) ids.set(shared, ids.size)
    return shared
  })
}
