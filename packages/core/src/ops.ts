/** Sizes of a tensor's axes, outermost first; `[]` is a scalar. */
export type Shape = readonly number[]

/** A tensor in plain memory, in C order. */
export interface PlainTensor {
  readonly data: ArrayLike<number>
  readonly shape: Shape
}

/** Which operands of a matrix product to transpose, by swapping their last two axes. */
export interface MatmulOptions {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
}

/**
 * The tensor operations that the losses need from a library to run and be differentiated on it.
 *
 * `T` is the library's tensor of real numbers. The losses read a tensor's shape but never its values, so a library may be
 * eager or traced. No operation changes its operands, and an operand may be used again. A number as an operand means a
 * scalar of the tensors' type. Axes count from 0; negative axes are not used. Gradients flow through every operation except
 * `greater` and `stopGradient`. No operation relies on `this`.
 */
export interface TensorOps<T> {
  /** A tensor of the given values in C order, without gradient. The data may be shared instead of copied. */
  constant(data: ArrayLike<number>, shape: Shape): T
  /** Sizes of a tensor's axes, known without running anything. */
  shape(x: T): Shape
  /** The same values, without gradient. */
  stopGradient(x: T): T

  /** Elementwise `a + b`. All operations with two operands broadcast as in NumPy. */
  add(a: T, b: T | number): T
  subtract(a: T, b: T | number): T
  multiply(a: T, b: T | number): T
  divide(a: T, b: T | number): T
  /** The larger of the two. How equal operands share the gradient is up to the library. */
  maximum(a: T, b: T | number): T
  /** 1 where `a > b`, else 0; without gradient. */
  greater(a: T, b: T | number): T

  abs(x: T): T
  exp(x: T): T
  /** Natural logarithm. */
  log(x: T): T
  /** Square root. Its gradient at 0 is infinite, so the losses avoid 0. */
  sqrt(x: T): T
  /** `1 / (1 + exp(-x))`. */
  sigmoid(x: T): T
  /** Inverse tangent, in radians in (-π/2, π/2). */
  arctan(x: T): T

  /** Matrix product over the last two axes, `[..., m, k] · [..., k, n] → [..., m, n]`. The leading axes broadcast. */
  matmul(a: T, b: T, options?: MatmulOptions): T
  /** The same elements in C order, in another shape of the same size. */
  reshape(x: T, shape: Shape): T
  /** Axis `i` of the result is axis `axes[i]` of `x`. */
  transpose(x: T, axes: readonly number[]): T
  /** The block of shape `size` that starts at `begin`. Both have one entry per axis. */
  slice(x: T, begin: readonly number[], size: Shape): T
  /** Tensors joined along an axis. Their other axes are equal. */
  concat(xs: readonly T[], axis: number): T

  /** Sum over the given axes (default: all), which are dropped, or kept with size 1. */
  sum(x: T, axes?: readonly number[], keepDims?: boolean): T
  /**
   * Maximum over the given axes (default: all), which are dropped, or kept with size 1. Equal maxima share the gradient
   * equally.
   */
  max(x: T, axes?: readonly number[], keepDims?: boolean): T
  /**
   * Takes one element along `axis` for each position of the other axes, such as the target class's logit of every pixel.
   *
   * @param indices positions on `axis`, each in `[0, shape(x)[axis])`, in C order over the other axes
   * @returns `x`'s shape without `axis`
   */
  takeAlongAxis(x: T, indices: Int32Array, axis: number): T
}

/** The operation that Lovász-softmax needs in addition to {@link TensorOps}. `arrayOps()`, `tfjsOps()` and `jaxOps()` have it. */
export interface SortOps<T> {
  /**
   * Computes cumulative sums in descending order of the keys. For each element of a row (the last axis), it sums `values` over
   * the elements that come no later when the row is sorted by `keys` from large to small. Every element has its own place.
   * The library chooses the order of equal keys, the same one for all of `values`. No gradient flows through.
   *
   * @param keys [..., n], without NaN
   * @param values tensors of the same shape
   * @returns one tensor for each of `values`, of the same shape
   */
  descendingSums(keys: T, values: readonly T[]): readonly T[]
}

/** Operations that a library may provide for speed and memory. Without them, the losses compose them from {@link TensorOps}. */
export interface FusedOps<T> {
  /**
   * `-log softmax` along `axis`, of one element along it for each position of the other axes.
   *
   * @param indices positions on `axis`, each in `[0, shape(logits)[axis])`, in C order over the other axes
   * @returns the logits' shape without `axis`; at least 0, in nats
   */
  softmaxCrossEntropy(logits: T, indices: Int32Array, axis: number): T

  /** `log(1 + exp(x))`, whose gradient is the sigmoid. */
  softplus(x: T): T

  /**
   * Sums the values of each class, without gradient. {@link FusedOps.lookUp} must exist too.
   *
   * @param values [images, pixels]
   * @param indices the class of each pixel, in [0, numClasses), images x pixels
   * @returns [images, numClasses]
   */
  sumByClass(values: T, indices: Int32Array, numClasses: number): T

  /**
   * Takes the value of each pixel's class, without gradient.
   *
   * @param table [images, classes], or [1, classes] for all images
   * @param indices the class of each pixel, images x pixels
   * @param images how many
   * @returns [images, pixels]
   */
  lookUp(table: T, indices: Int32Array, images: number): T
}
