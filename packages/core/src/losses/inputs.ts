import { InverseFormError } from '@inverseform/errors'
import type { Shape, TensorOps } from '../ops.js'
import { shapeText, sizeMismatch } from '../shape.js'

/** Labels or edge maps: whole numbers in C order. */
export type IntegerArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array

export interface MapSize {
  readonly images: number
  readonly channels: number
  readonly height: number
  readonly width: number
}

/** The sizes of an [images, channels, height, width] tensor, each at least 1. */
export function mapSize<T>(ops: TensorOps<T>, name: string, x: T): MapSize {
  const shape = ops.shape(x)
  if (shape.length !== 4 || shape.includes(0)) {
    throw sizeMismatch(
      `${name} has the shape ${shapeText(shape)}.`,
      'Give [images, channels, height, width], none of them 0.',
      { [name]: shape },
    )
  }
  const [images, channels, height, width] = shape as readonly [number, number, number, number]
  return { images, channels, height, width }
}

/** The sizes of edge logits, [images, 1, height, width]. */
export function edgeSize<T>(ops: TensorOps<T>, edge: T): MapSize {
  const size = mapSize(ops, 'edge', edge)
  if (size.channels === 1) return size
  throw sizeMismatch(`edge has ${size.channels} channels.`, 'Give [images, 1, height, width].', {
    edge: ops.shape(edge),
  })
}

/** Checks that a plain map has one value for each pixel. */
export function checkMap(name: string, map: IntegerArray, { images, height, width }: MapSize): void {
  if (map.length === images * height * width) return
  throw sizeMismatch(
    `${name} has ${map.length} values for maps of ${shapeText([images, height, width])}.`,
    `Give ${images * height * width}, one for each pixel of each image.`,
    { [name]: map.length },
  )
}

/** Checks that two tensors have the same shape, save for their channels. */
export function checkSamePixels(names: string, a: Shape, b: Shape): void {
  if (a.every((size, axis) => axis === 1 || size === b[axis])) return
  throw sizeMismatch(
    `${names} have the shapes ${shapeText(a)} and ${shapeText(b)}.`,
    'Give both for the same images at the same size.',
    { shapes: [a, b] },
  )
}

export function checkLabel(label: number, classes: number, pixel: number): void {
  if (label >= 0 && label < classes) return
  throw new InverseFormError(
    'invalid-argument',
    `Label ${label} at pixel ${pixel} is none of ${classes} classes.`,
    {
      hint: `Map labels to train ids 0..${classes - 1}, and set ignoreIndex to the label of pixels that do not count.`,
      details: { label, classes, pixel },
    },
  )
}

/** Checks that an option is a finite number of at least `least`. */
export function checkNumber(name: string, value: number, least = Number.NEGATIVE_INFINITY): void {
  if (Number.isFinite(value) && value >= least) return
  throw new InverseFormError('invalid-argument', `${name} is ${value}.`, {
    hint:
      least === Number.NEGATIVE_INFINITY
        ? 'Give a finite number.'
        : `Give a finite number of at least ${least}.`,
    details: { [name]: value },
  })
}
