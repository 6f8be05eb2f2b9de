import type { Shape } from './dim.js'

/** The attributes of each operator. */
export interface OperatorAttributes {
  /** A tensor that the caller passes. */
  input: { readonly name: string }
  /** A weight in C-order float32, loaded when it is needed. */
  constant: { readonly name: string; readonly load: () => Promise<Float32Array> }
  /**
   * Cross-correlation of [N,C,H,W] with a weight [K,C,kh,kw] and an optional bias [K]. `padding` adds rows and columns of
   * zeros on both sides.
   */
  conv2d: { readonly stride: readonly [number, number]; readonly padding: readonly [number, number] }
  /** Inference-time normalization over axis 1: inputs x, scale, shift, mean, variance. */
  batchNorm: { readonly epsilon: number }
  /**
   * Normalization over axis 1 by the statistics of x itself: inputs x, scale, shift, mean, variance. The last two must be the
   * mean and the biased variance of x, over all axes but 1; the gradient of x flows through them too.
   */
  batchNormTraining: { readonly epsilon: number }
  /** The adjoint of a convolution: [N,K,h,w] with a weight [K,C,kh,kw] to [N,C,height,width]. */
  convTranspose2d: {
    readonly stride: readonly [number, number]
    readonly padding: readonly [number, number]
    readonly outputPadding: readonly [number, number]
  }
  relu: Record<never, never>
  sigmoid: Record<never, never>
  abs: Record<never, never>
  exp: Record<never, never>
  log: Record<never, never>
  sqrt: Record<never, never>
  arctan: Record<never, never>
  /** The same values, without gradient. */
  stopGradient: Record<never, never>
  /** Elementwise with NumPy broadcasting. */
  add: Record<never, never>
  subtract: Record<never, never>
  multiply: Record<never, never>
  divide: Record<never, never>
  maximum: Record<never, never>
  /** 1 where the first input is greater, else 0; without gradient. */
  greater: Record<never, never>
  /** The first input where the second, of the same shape, is above 0, else 0. */
  gate: Record<never, never>
  /** Sum, mean or maximum over axes, which are dropped or kept with size 1. Equal maxima share the gradient equally. */
  reduceSum: ReduceAttributes
  reduceMean: ReduceAttributes
  reduceMax: ReduceAttributes
  /** Repeats axes of size 1, and adds leading ones. */
  expand: { readonly shape: readonly number[] }
  reshape: { readonly shape: readonly number[] }
  /** The block of `size` elements from `begin`. */
  slice: {
    readonly begin: readonly number[]
    readonly size: readonly number[]
  }
  /** Adds zeros around, or cuts off where a number is negative. */
  pad: { readonly before: readonly number[]; readonly after: readonly number[] }
  /** Takes one element along an axis for each position of the others: x, and positions as float32 integers. Drops the axis. */
  takeAlongAxis: { readonly axis: number }
  /** The adjoint of takeAlongAxis: elements, positions, and the positions 0..size-1 of the new axis. */
  putAlongAxis: { readonly axis: number }
  /** Adds elements at positions along an axis to the first input: x, elements, and positions as float32 integers. */
  addAlongAxis: { readonly axis: number }
  /** Cumulative sums of the second input along an axis, in descending order of the first; without gradient. */
  descendingSum: { readonly axis: number }
  concat: { readonly axis: number }
  /** Resizes the first input to the height and width of the second: bilinear, half-pixel centers, clamped edges. */
  resizeLike: Record<never, never>
  /**
   * The weights by which a product resizes one axis of the first input to the size of the second, as `resizeLike` does: for axis 2
   * [to, window · from], to multiply from the left; for axis 3 [window · from, to], from the right. `window`, an odd number, is
   * how many maps are resized, each shifted by one element against the one before, and added up. Elements shifted in are 0.
   */
  resizeWeights: { readonly axis: 2 | 3; readonly window: number }
  /** [N,C,H,W] to [N,C,H·W]. */
  flattenSpatial: Record<never, never>
  /** [N,C,H·W] to [N,C,H,W] with the height and width of the second input. */
  unflattenSpatialLike: Record<never, never>
  /** A 1x1 convolution of flattened pixels: x [N,C,L], weight [K,C,1], optional bias [K] to [N,K,L]; without gradient. */
  pointwise: Record<never, never>
  /** Adds an axis of size one. */
  unsqueeze: { readonly axis: number }
  transpose: { readonly permutation: readonly number[] }
  /** Batched product over the last two axes. */
  matmul: Record<never, never>
  /** Rounds a map to 256 levels, (code − zeroPoint) · scale: without gradient. ONNX Runtime computes with the codes. */
  quantize: ActivationScale
  /** Rounds a weight [rows, …] to 127 levels a row, symmetric around 0: without gradient. */
  quantizeWeight: Record<never, never>
  softmax: { readonly axis: number }
  /** x [N,I], weight [O,I], bias [O] to [N,O]. */
  linear: Record<never, never>
}

/** The 8-bit codes of a map: a value is (code − zeroPoint) · scale, with codes from 0 to 255. */
export interface ActivationScale {
  readonly scale: number
  readonly zeroPoint: number
}

export interface ReduceAttributes {
  readonly axes: readonly number[]
  readonly keepDims: boolean
}

export type OperatorName = keyof OperatorAttributes

/** Operators with inputs: all but `input` and `constant`. */
export type ComputedName = Exclude<OperatorName, 'input' | 'constant'>

/**
 * An operator of the graph and its output tensor; every operator has one output. Values are immutable and refer only to
 * their inputs: a graph consists of the values that its outputs reach.
 */
export interface ValueOf<K extends OperatorName> {
  readonly op: K
  readonly inputs: readonly Value[]
  readonly attributes: OperatorAttributes[K]
  /** Elements are always float32. */
  readonly shape: Shape
}

export type Value = { [K in OperatorName]: ValueOf<K> }[OperatorName]

export interface Graph {
  readonly outputs: Readonly<Record<string, Value>>
}

/**
 * Returns all values that the outputs need, each after its inputs. Iterative, because networks are thousands of values deep.
 * @param inputsOf the inputs of a value in the order in which to visit them; by default the first one comes first
 */
export function topologicalOrder(
  graph: Graph,
  inputsOf: (value: Value) => readonly Value[] = ({ inputs }) => inputs,
): Value[] {
  const order: Value[] = []
  const seen = new Set<Value>()
  const stack = Object.values(graph.outputs).reverse().map(visit)
  while (stack.length > 0) {
    const top = stack[stack.length - 1]
    if (top.next === 0 && seen.has(top.value)) {
      stack.pop()
    } else if (top.next < top.inputs.length) {
      seen.add(top.value)
      stack.push(visit(top.inputs[top.next++]))
    } else {
      seen.add(top.value)
      order.push(top.value)
      stack.pop()
    }
  }
  return order

  function visit(value: Value) {
    return { value, inputs: inputsOf(value), next: 0 }
  }
}

/** Returns the graph's inputs in topological order. */
export function graphInputs(graph: Graph): ValueOf<'input'>[] {
  return topologicalOrder(graph).filter((value) => value.op === 'input')
}

/** Counts the uses of each value, including graph outputs. */
export function countUses(graph: Graph): Map<Value, number> {
  const uses = new Map<Value, number>()
  const use = (value: Value) => uses.set(value, (uses.get(value) ?? 0) + 1)
  for (const value of topologicalOrder(graph)) value.inputs.forEach(use)
  Object.values(graph.outputs).forEach(use)
  return uses
}
