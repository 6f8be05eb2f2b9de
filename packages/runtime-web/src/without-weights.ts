import { type Graph, rewrite } from '@inverseform/backbones'

/** A graph's shapes, to plan with: its weights, and with them the checkpoint's bytes, may leave the memory. */
export function withoutWeights(graph: Graph): Graph {
  return rewrite(graph, (value) => {
    return value.op === 'constant' ? { ...value, attributes: { ...value.attributes, load } } : value
  })
}

const load = () => Promise.reject(new Error('This graph is without its weights.'))
