/** What a tensor library may offer in one piece, for speed and memory; the losses compose it of `TensorOps` where it is missing. */
export interface FusedOps<T> {
  /**
   * `-log softmax` along `axis`, of one element out of those along it, for each position of the other axes.
   *
   * @param indices positions on `axis`, each in `[0, shape(logits)[axis])`, in C order over the other axes
   * @returns logits' shape without `axis`; at least 0, in nats
   */
  softmaxCrossEntropy(logits: T, indices: Int32Array, axis: number): T
}
