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
export function edgeSize<T>(ops: TensorOps<T>, edgeLogits: T): MapSize {
  const size = mapSize(ops, 'edgeLogits', edgeLogits)
  if (size.channels === 1) return size
  throw sizeMismatch(`edgeLogits has ${size.channels} channels.`, 'Give [images, 1, height, width].', {
    edgeLogits: ops.shape(edgeLogits),
  })
}

const integerArrays = ['Uint8', 'Uint8Clamped', 'Int8', 'Uint16', 'Int16', 'Uint32', 'Int32']

/** Checks that labels are in an array of whole numbers, for others would lose what the losses look up with them. */
export function checkIntegers(name: string, labels: IntegerArray): void {
  const type = Object.prototype.toString.call(labels).slice('[object '.length, -1)
  if (integerArrays.some((each) => type === `${each}Array`)) return
  throw new InverseFormError('invalid-argument', `${name} is of the type ${type}.`, {
    hint: 'Give whole numbers in a typed array of at most 32 bits, such as a Uint8Array or an Int32Array.',
    details: { type },
  })
}

/** Checks that a plain map is of whole numbers, one for each pixel. */
export function checkMap(name: string, map: IntegerArray, { images, height, width }: MapSize): void {
  checkIntegers(name, map)
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

/**
 * @param at the label's place among all
 * @param size of the maps it belongs to
 * @param kind what it is: of the truth, or the network's choice
 */
export function checkLabel(
  label: number,
  classes: number,
  at: number,
  size?: Pick<MapSize, 'height' | 'width'>,
  kind: 'Label' | 'Prediction' = 'Label',
): void {
  if (label >= 0 && label < classes) return
  throw new InverseFormError(
    'invalid-argument',
    `${kind} ${label} ${size ? placeText(at, size) : `at position ${at}`} is none of ${classes} classes.`,
    {
      hint:
        kind === 'Label'
          ? `Map labels to train ids 0..${classes - 1}, and set ignoreIndex to the label of pixels that do not count.`
          : `Give each pixel's most likely class, 0..${classes - 1}.`,
      details: { label, classes, position: at },
    },
  )
}

function placeText(at: number, { height, width }: Pick<MapSize, 'height' | 'width'>): string {
  const row = Math.floor(at / width)
  return `in image ${Math.floor(row / height)}, row ${row % height}, column ${at % width}`
}
