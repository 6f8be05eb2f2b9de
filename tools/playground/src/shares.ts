import type { Result } from './workbench.js'

/** Returns the share of each class in the pixels, from 0 to 1. */
export function classShares({ labels, picture }: Result): Float64Array {
  const counts = new Float64Array(picture.numClasses)
  for (const label of labels) counts[label]++
  return counts.map((count) => count / labels.length)
}

/** Returns the share of pixels with the same class in both results. Both networks must have the same classes. */
export function agreement(one: Result, other: Result): number {
  let same = 0
  for (let i = 0; i < one.labels.length; i++) if (one.labels[i] === other.labels[i]) same++
  return same / one.labels.length
}
