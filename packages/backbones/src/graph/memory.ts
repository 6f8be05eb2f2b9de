import { product } from '@inverseform/shared'
import { type Bindings, evaluateShape } from './dim.js'
import { type Graph, topologicalOrder, type Value } from './value.js'

/** The size of an image for which passes decide. */
export const TYPICAL_SIZE: Bindings = { N: 1, H: 1024, W: 2048 }

export interface MemoryOptions {
  /** 4 by default; 2 for a network that computes in float16 (`encodeOnnx` with `compute`). */
  readonly bytesPerElement?: 2 | 4
}

/**
 * Returns the peak memory of a graph's activations in bytes, if its operators run in order and each value is dropped
 * after its last use. Weights and scratch space of operators are not counted.
 */
export function peakActivationBytes(
  graph: Graph,
  bindings: Bindings,
  { bytesPerElement = 4 }: MemoryOptions = {},
): number {
  const order = executionOrder(graph).filter((value) => value.op !== 'constant')
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
    return value.op === 'constant' || value.op === 'quantizeWeight'
      ? 0
      : bytesPerElement * elementsOf(value, bindings)
  }
}

/** Returns the values in the order in which ONNX Runtime computes them, if they are written in `writingOrder`. */
export function executionOrder(graph: Graph): Value[] {
  return topologicalOrder(graph, inputsInOrder)
}

/** Returns the values in the order in which to write them. ONNX Runtime computes what is written last, and all that it needs, first. */
export function writingOrder(graph: Graph): Value[] {
  return topologicalOrder(graph, (value) => inputsInOrder(value).toReversed())
}

/**
 * Returns the inputs of a value in the order in which to compute them. Attention thus gathers its keys before it makes the queries,
 * which are a map. Sums of many terms are written as `sumInOrder` does.
 */
function inputsInOrder({ op, inputs }: Value): readonly Value[] {
  return op === 'matmul' ? inputs : inputs.toReversed()
}

/**
 * Returns the bytes of the largest value of a graph, including weights. A device that limits its buffers (WebGPU:
 * `maxBufferSize`, `maxStorageBufferBindingSize`) must be able to hold it. Buffers that a runtime adds to change the
 * layout of a weight or map may be larger.
 */
export function largestBufferBytes(
  graph: Graph,
  bindings: Bindings,
  { bytesPerElement = 4 }: MemoryOptions = {},
): number {
  const sizes = topologicalOrder(graph).map((value) => elementsOf(value, bindings))
  return bytesPerElement * Math.max(...sizes)
}

/** Returns how many elements a value has. */
export function elementsOf({ shape }: Value, bindings: Bindings): number {
  return product(evaluateShape(shape, bindings))
}

/** Operators that runtimes compute in place when nothing else needs their input. */
const elementwise: ReadonlySet<Value['op']> = new Set([
  'relu',
  'sigmoid',
  'add',
  'multiply',
  'batchNorm',
  'quantize',
  'flattenSpatial',
  'unflattenSpatialLike',
])
