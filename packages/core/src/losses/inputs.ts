import {
  checkFunction,
  checkInteger,
  checkIntegerArray,
  checkLength,
  InverseFormError,
} from '@inverseform/errors'
import type { Shape, TensorOps } from '../ops.js'
import { checkMapShape, shapeOf, shapeText, sizeMismatch } from '../shape.js'

/** Typed arrays that hold a target: integers in C order. */
export type IntegerArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array

/** What every loss over class logits compares. */
export interface SegmentationLossInputs<T> {
  /** [images, classes, height, width], before softmax. */
  readonly logits: T
  /** Train ids 0..classes-1 or `ignoreIndex`, images x height x width in C order. */
  readonly target: IntegerArray
}

export interface IgnoreOptions {
  /** The target value of void pixels, which no loss counts. Default 255. */
  readonly ignoreIndex?: number
}

export interface MapSize {
  readonly images: number
  readonly channels: number
  readonly height: number
  readonly width: number
}

/** Returns the sizes of an [images, channels, height, width] tensor, each at least 1. */
export function mapSize<T>(ops: TensorOps<T>, name: string, x: T): MapSize {
  const shape = shapeOf(ops, name, x)
  checkMapShape(name, shape)
  const [images, channels, height, width] = shape
  return { images, channels, height, width }
}

/** Returns the sizes of edge logits, [images, 1, height, width]. */
export function edgeSize<T>(ops: TensorOps<T>, edgeLogits: T): MapSize {
  const size = mapSize(ops, 'edgeLogits', edgeLogits)
  if (size.channels === 1) return size
  throw sizeMismatch(
    `\`edgeLogits\` must have 1 channel, got ${size.channels}.`,
    'Give [images, 1, height, width].',
    {
      edgeLogits: ops.shape(edgeLogits),
    },
  )
}

/** Throws unless a target is an integer array with one value for each pixel. */
export function checkTarget(name: string, target: IntegerArray, { images, height, width }: MapSize): void {
  checkIntegerArray(name, target)
  checkLength(
    name,
    target.length,
    images * height * width,
    `one for each pixel of maps of ${shapeText([images, height, width])}`,
    { hint: 'Give one value for each pixel of each image, in C order.' },
  )
}

export function checkIgnoreIndex(ignoreIndex: number): void {
  checkInteger('ignoreIndex', ignoreIndex)
}

/** Throws unless two tensors have the same images and sizes. Their channels may differ. */
export function checkSamePixels(nameA: string, a: Shape, nameB: string, b: Shape): void {
  if (a.every((size, axis) => axis === 1 || size === b[axis])) return
  throw sizeMismatch(
    `\`${nameA}\` and \`${nameB}\` must have the same images and sizes, got ${shapeText(a)} and ${shapeText(b)}.`,
    'Give both for the same images at the same size.',
    { shapes: [a, b] },
  )
}

/** Throws unless a regressor is a function. TypeScript checks this; JavaScript callers may leave it out. */
export function checkRegressor(regressor: unknown): void {
  checkFunction('regressor', regressor, { hint: 'Pass `regressor`, such as inverseNet(ops, weights).' })
}

/**
 * Throws unless a value is a class.
 *
 * @param position index of the value in its array
 * @param size size of the maps, to name the pixel
 * @param name the argument that holds the value
 */
export function checkClass(
  value: number,
  numClasses: number,
  position: number,
  size?: Pick<MapSize, 'height' | 'width'>,
  name: 'target' | 'predictions' = 'target',
): void {
  if (value >= 0 && value < numClasses) return
  const isTarget = name === 'target'
  const accepted = `classes 0..${numClasses - 1}${isTarget ? ' or `ignoreIndex`' : ''}`
  const place = size ? pixelText(position, size) : `at position ${position}`
  throw new InverseFormError(
    'invalid-argument',
    `\`${name}\` must hold ${accepted}, got ${value} ${place}.`,
    {
      hint: isTarget
        ? `Map label ids to train ids 0..${numClasses - 1}, and set \`ignoreIndex\` to the value of void pixels.`
        : `Give each pixel's most likely class, 0..${numClasses - 1}.`,
      details: { value, numClasses, position },
    },
  )
}

function pixelText(position: number, { height, width }: Pick<MapSize, 'height' | 'width'>): string {
  const row = Math.floor(position / width)
  return `in image ${Math.floor(row / height)}, row ${row % height}, column ${position % width}`
}
