/** Sum of the values; 0 for none. */
export function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]
  return total
}

/** Arithmetic mean; NaN for none. */
export const mean = (values: ArrayLike<number>): number => sum(values) / values.length

/** Arithmetic mean of the values that are not NaN; NaN where there is none. */
export function nanMean(values: readonly number[]): number {
  return mean(values.filter((value) => !Number.isNaN(value)))
}

/** Product of the values, such as the number of elements of a shape; 1 for none. */
export function product(values: ArrayLike<number>): number {
  let total = 1
  for (let i = 0; i < values.length; i++) total *= values[i]
  return total
}
