/** A batch of training images of one size, with its targets. */
export interface Batch {
  /** RGB, normalized by ImageNet's mean and standard deviation: [images, 3, height, width]. */
  readonly images: Float32Array
  /** Train ids 0..numClasses-1, or 255 where ignored: images x height x width in C order. */
  readonly target: Uint8Array
  /** Target edges, 1 on an edge, else 0: images x height x width. */
  readonly edgeTarget: Uint8Array
  /** What each image is called in messages, such as its path. */
  readonly names: readonly string[]
}

/** Batches for training. Batch `step` depends on the seed and on `step` alone, so that a resumed run sees the same ones. */
export interface TrainingData {
  /** Number of images. */
  readonly size: number
  /** @param step from 0 */
  batch(step: number): Promise<Batch>
}
