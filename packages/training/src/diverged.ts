/** What to do about a training that has diverged. */
export const DIVERGED_HINT =
  'Continue from the last checkpoint, or start again, with a lower learning rate, a longer warm-up, or clipping.'
