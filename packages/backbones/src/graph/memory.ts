import { type Bindings, evaluateShape } from './dim.js'
import { type Graph, topologicalOrder, type Value } from './value.js'

/**
 * The most memory, in bytes, that the values between a graph's operators take at one time when it is run in
 * order and each value is dropped after its last use. Weights and an operator's own scratch space are not counted.
 */
export function peakActivationBytes(graph: Graph, bindings: Bindings): number {
  const order = topologicalOrder(graph).filter((value) => value.op !== 'constant')
  const lastUse = new Map<Value, number>()
  order.forEach((value, step) => {
    for (const input of value.inputs) lastUse.set(input, step)
  })
  for (const output of Object.values(graph.outputs)) lastUse.set(output, order.length)

  let live = 0
  let peak = 0
  order.forEach((value, step) => {
    const dying = value.inputs.filter(
      (input, i) => lastUse.get(input) === step && value.inputs.indexOf(input) === i,
    )
    const inPlace = elementwise.has(value.op) && dying.some((input) => bytes(input) === bytes(value))
    live += inPlace ? 0 : bytes(value)
    peak = Math.max(peak, live)
    for (const input of dying) live -= bytes(input)
    if (inPlace) live += bytes(value)
  })
  return peak

  function bytes(value: Value): number {
    return value.op === 'constant' ? 0 : 4 * evaluateShape(value.shape, bindings).reduce((a, b) => a * b, 1)
  }
}

/** Operators that runtimes compute in their input's memory when nothing else needs it. */
const elementwise: ReadonlySet<Value['op']> = new Set(['relu', 'sigmoid', 'add', 'multiply', 'batchNorm'])
