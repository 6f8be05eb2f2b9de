import type { IdArray } from '../label-mapping.js'

/** The target and the prediction of one image, row by row from the top left. */
export interface SegmentedImage {
  /** width · height class ids: what the prediction is compared with. */
  readonly target: IdArray
  /** width · height class ids. */
  readonly prediction: IdArray
  /** Pixels per row. */
  readonly width: number
  /** Number of rows. */
  readonly height: number
  /** Name of the image in errors and lists, such as its file. */
  readonly name?: string
}

/**
 * A measure that accumulates image by image. Its state is plain, versioned JSON that can be written to disk, sent
 * between processes and merged. Merging the states of any partition of the images, in any order, gives exactly the
 * state of all images. A class that implements this also has a static `fromJSON(state)`, which validates the state.
 */
export interface Metric<Image, State, Scores> {
  /** Adds one image. An error leaves the state unchanged. */
  update(image: Image): void
  /** Throws the error that {@link merge} would throw. Changes nothing. */
  checkMergeable(other: this): void
  /** Adds the state of another instance with the same options. An error leaves the state unchanged. */
  merge(other: this): void
  /** Returns a copy of the state. */
  toJSON(): State
  compute(): Scores
}
