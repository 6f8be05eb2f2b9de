import type { IdArray } from './ids.js'

/** One image's truth and prediction, pixel by pixel, row by row from the top left. */
export interface SegmentedImage {
  /** width · height class ids. */
  readonly truth: IdArray
  /** width · height class ids. */
  readonly prediction: IdArray
  /** Pixels in a row. */
  readonly width: number
  /** Rows. */
  readonly height: number
  /** What to call the image in errors and lists, such as its file. */
  readonly name?: string
}

/**
 * A measure that is gathered image by image. Its state is plain, versioned JSON, so that it can be written to
 * disk, sent between processes and merged: merging the states of any partition of the images, in any order, gives the
 * state of all. A class that implements this has a static `fromJSON(state)` too, which checks what it is given.
 */
export interface Metric<Image, State, Scores> {
  /** Adds one image. On an error the state is as before. */
  update(image: Image): void
  /** Throws what {@link merge} would throw, and changes nothing. */
  expectMergeable(other: this): void
  /** Adds what another instance, of the same options, has gathered. On an error the state is as before. */
  merge(other: this): void
  toJSON(): State
  compute(): Scores
}
