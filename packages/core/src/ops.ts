/** Sizes of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[]

/** Numbers a caller holds in plain memory, in C order. */
export interface PlainTensor {
  readonly data: ArrayLike<number>
  readonly shape: Shape
}

/** Which operands of a matrix product are read transposed (their last two axes swapped). */
export interface MatmulOptions {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
}

/**
 * What a tensor library must be able to do for the losses of this package to run, and be differentiated, on it.
 *
 * `T` is the library's own tensor of real numbers, opaque to the losses: they ask for its shape but never for its values,
 * so that a binding may be eager or traced. No function changes its arguments, and an argument may be used again.
 * Where an operand may be a number, it stands for a scalar of the tensors' type. Axes count from 0; negative axes are not
 * used. Every function passes gradients on, save `greater` and `stopGradient`, and none relies on `this`.
 */
export interface TensorOps<T> {
  /** A tensor of the given values in C order, without gradient. The data may be shared, not copied. */
  constant(data: ArrayLike<number>, shape: Shape): T
  /** Sizes of a tensor's axes; known without running anything. */
  shape(x: T): Shape
  /** The same values; no gradient flows back through them. */
  stopGradient(x: T): T

  /** Elementwise `a + b`, with NumPy's broadcasting, as all functions of two operands here. */
  add(a: T, b: T | number): T
  subtract(a: T, b: T | number): T
  multiply(a: T, b: T | number): T
  divide(a: T, b: T | number): T
  /** The larger of the two. Where they are equal, how the gradient is shared is up to the library. */
  maximum(a: T, b: T | number): T
  /** 1 where `a > b`, else 0; without gradient. */
  greater(a: T, b: T | number): T

  abs(x: T): T
  exp(x: T): T
  /** Natural logarithm. */
  log(x: T): T
  /** Square root; its gradient at 0 is infinite, so callers keep away from 0. */
  sqrt(x: T): T
  /** `1 / (1 + exp(-x))`. */
  sigmoid(x: T): T
  /** Inverse tangent, in radians in (-π/2, π/2). */
  arctan(x: T): T

  /** Matrix product over the last two axes, `[..., m, k] · [..., k, n] → [..., m, n]`; the axes before them broadcast. */
  matmul(a: T, b: T, options?: MatmulOptions): T
  /** The same elements in C order under another shape with as many elements. */
  reshape(x: T, shape: Shape): T
  /** Axis `i` of the result is axis `axes[i]` of `x`. */
  transpose(x: T, axes: readonly number[]): T
  /** The block that starts at `begin` and has the shape `size`, both with one entry an axis. */
  slice(x: T, begin: readonly number[], size: Shape): T
  /** Tensors joined along an axis; their other axes are equal. */
  concat(xs: readonly T[], axis: number): T

  /** Sum over the given axes (all when absent), which are dropped, or kept with size 1. */
  sum(x: T, axes?: readonly number[], keepDims?: boolean): T
  /**
   * Maximum over the given axes (all when absent), which are dropped, or kept with size 1. Equal maxima share the gradient in
   * equal parts.
   */
  max(x: T, axes?: readonly number[], keepDims?: boolean): T
  /**
   * One element out of those along `axis`, for each position of the other axes: the true class's logit of every pixel.
   *
   * @param indices positions on `axis`, each in `[0, shape(x)[axis])`, in C order over the other axes
   * @returns `x`'s shape without `axis`
   */
  pick(x: T, indices: Int32Array, axis: number): T
}
