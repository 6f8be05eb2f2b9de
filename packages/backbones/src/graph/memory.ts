import { type Bindings, evaluateShape } from './dim.js'
import { type Graph, topologicalOrder, type Value } from './value.js'

export interface MemoryOptions {
  /** 4 unless given; 2 for a network computed in float16 (`encodeOnnx` with `compute`). */
  readonly bytesPerElement?: 2 | 4
}

/**
 * The most memory, in bytes, that the values between a graph's operators take at one time when it is run in
 * order and each value is dropped after its last use. Weights and an operator's own scratch space are not counted.
 */
export function peakActivationBytes(
  graph: Graph,
  bindings: Bindings,
  { bytesPerElement = 4 }: MemoryOptions = {},
): number {
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
    return value.op === 'constant' ? 0 : bytesPerElement * elementsOf(value, bindings)
  }
}

/**
 * Bytes of the largest single value of a graph, weights included: what a device that limits its buffers (WebGPU:
 * `maxBufferSize`, `maxStorageBufferBindingSize`) must be able to hold. What a runtime allocates beside, to lay out a
 * weight or a map in another way, may be larger.
 */
export function largestBufferBytes(
  graph: Graph,
  bindings: Bindings,
  { bytesPerElement = 4 }: MemoryOptions = {},
): number {
  const sizes = topologicalOrder(graph).map((value) => elementsOf(value, bindings))
  return bytesPerElement * Math.max(...sizes)
}

function elementsOf({ shape }: Value, bindings: Bindings): number {
  return evaluateShape(shape, bindings).reduce((product, size) => product * size, 1)
}

/** Operators that runtimes compute in their input's memory when nothing else needs it. */
const elementwise: ReadonlySet<Value['op']> = new Set(['relu', 'sigmoid', 'add', 'multiply', 'batchNorm'])
