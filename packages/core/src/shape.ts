import { InverseFormError } from '@inverseform/errors'
import type { Shape } from './ops.js'

/** Number of elements of a tensor. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, size) => product * size, 1)

/** A shape as people write it: `2x19x48x96`, or `scalar`. */
export const shapeText = (shape: Shape): string => (shape.length === 0 ? 'scalar' : shape.join('x'))

export function sizeMismatch(
  message: string,
  hint: string,
  details?: Record<string, unknown>,
): InverseFormError {
  return new InverseFormError('size-mismatch', message, { hint, details })
}

/** Checks that transformations come as [transformations, count]. */
export function checkParameters(shape: Shape, count: number, what: string): void {
  if (shape.length === 2 && shape[1] === count) return
  throw sizeMismatch(
    `Parameters of the shape ${shapeText(shape)} were given for ${what}.`,
    `Give [transformations, ${count}].`,
    { shape },
  )
}
