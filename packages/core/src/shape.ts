import { checkArgument, InverseFormError } from '@inverseform/errors'
import type { Shape, TensorOps } from './ops.js'

/** Formats a shape as `2x19x48x96`, or `scalar`. */
export const shapeText = (shape: Shape): string => (shape.length === 0 ? 'scalar' : shape.join('x'))

/**
 * Returns the shape of an argument. TypeScript checks the types, but JavaScript callers may give nothing, a plain array, or
 * operations that are not there.
 */
export function shapeOf<T>(ops: TensorOps<T>, name: string, x: T): Shape {
  checkArgument('ops', ops, typeof ops?.shape === 'function', 'the operations of a tensor library', {
    hint: 'Pass `arrayOps()`, `tfjsOps(tf)` or `jaxOps(np)` as the first argument.',
  })
  const shape: unknown = x === undefined || x === null ? undefined : ops.shape(x)
  const isTensor = Array.isArray(shape)
  checkArgument(name, x, isTensor, 'a tensor of the library that `ops` is for', {
    hint: 'Create it with that library, or with `ops.constant(data, shape)`.',
  })
  return shape as Shape
}

export function sizeMismatch(
  message: string,
  hint: string,
  details?: Record<string, unknown>,
): InverseFormError {
  return new InverseFormError('size-mismatch', message, { hint, details })
}

/** Throws unless a shape is [images, channels, height, width] with sizes above 0. */
export function checkMapShape(
  name: string,
  shape: Shape,
): asserts shape is readonly [images: number, channels: number, height: number, width: number] {
  if (shape.length === 4 && !shape.includes(0)) return
  throw sizeMismatch(
    `\`${name}\` must have the shape [images, channels, height, width], got ${shapeText(shape)}.`,
    'Give it four axes, each with a size above 0.',
    { [name]: shape },
  )
}

/** Throws unless a shape is [transformations, count]. */
export function checkParameters(name: string, shape: Shape, count: number, what: string): void {
  if (shape.length === 2 && shape[1] === count) return
  throw sizeMismatch(
    `\`${name}\` must have the shape [transformations, ${count}] for ${what}, got ${shapeText(shape)}.`,
    `Give ${count} parameters for each transformation.`,
    { shape },
  )
}

/** Throws unless an argument is a pair of positive integers, such as a height and a width. */
export function checkPair(name: string, value: unknown): asserts value is readonly [number, number] {
  const valid =
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((size) => Number.isSafeInteger(size) && size > 0)
  checkArgument(name, value, valid, 'two positive integers')
}
