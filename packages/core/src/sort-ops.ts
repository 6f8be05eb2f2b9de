/**
 * What the Lovász loss needs of a tensor library besides `TensorOps`: one function without gradient, which a library makes of
 * its own argsort, gather and cumulative sum. `arrayOps()`, `tfjsOps` and `jaxOps` have it.
 */
export interface SortOps<T> {
  /**
   * For each element of a row (the last axis), the sums of `values` over the elements of the row that come no later than it
   * when the row is sorted by `keys` from large to small. Each element has a place of its own: how those with equal keys are
   * ordered among themselves is up to the library, but it is the same for all of `values`.
   * No gradient flows through.
   *
   * @param keys [..., n], without NaN
   * @param values tensors of the same shape
   * @returns as many tensors, of the same shape
   */
  descendingSums(keys: T, values: readonly T[]): readonly T[]
}
