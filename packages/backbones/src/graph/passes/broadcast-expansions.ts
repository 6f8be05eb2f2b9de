import { sameShape } from '../dim.js'
import { apply } from '../operators/index.js'
import type { Graph, Value } from '../value.js'
import { rewrite } from './rewrite.js'

const broadcasting: ReadonlySet<string> = new Set(['add', 'subtract', 'multiply', 'divide', 'maximum'])

/** Lets elementwise operators repeat a value that was repeated for them, where the other input has the full shape. */
export function broadcastExpansions(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    if (!broadcasting.has(value.op)) return value
    const [a, b] = value.inputs
    const isFull = (x: Value) => x.op !== 'expand' && sameShape(x.shape, value.shape)
    if (a.op === 'expand' && isFull(b)) return apply(value.op as 'add', [a.inputs[0], b], {})
    if (b.op === 'expand' && isFull(a)) return apply(value.op as 'add', [a, b.inputs[0]], {})
    return value
  })
}
