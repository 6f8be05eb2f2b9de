/**
 * A measure that is gathered image by image. Its state is plain, versioned JSON, so that it can be written to
 * disk, sent between processes and merged: merging the states of any partition of the images gives the state of all.
 * A class that implements this has a static `fromJSON(state)` too, which checks what it is given.
 */
export interface Metric<Inputs extends readonly unknown[], State, Scores> {
  /** Adds one image. On an error the state is as before. */
  update(...inputs: Inputs): void
  /** Adds what another instance has gathered. */
  merge(other: this): void
  toJSON(): State
  compute(): Scores
}
