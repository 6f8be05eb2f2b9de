import { InverseFormError } from '@inverseform/errors'
import { IGNORE } from '../labels.js'
import type { SegmentedImage } from './metric.js'

/** Class ids, one a pixel, in any integer array. */
export type IdArray =
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array

/** Which ids are classes, and which id is none. */
export interface ClassOptions {
  /** Number of classes n, 1..4096: the ids 0..n-1. Default 19, Cityscapes' train ids. */
  readonly classes?: number
  /**
   * True id of pixels that are not counted; null to count all. Default 255. A counted pixel predicted as it is a miss of
   * its class and a false positive of none, unless it is one of 0..n-1 and thus a class.
   */
  readonly ignoreIndex?: number | null
}

/** @throws InverseFormError `invalid-argument` unless `classes` is a whole number in 1..4096, `ignoreIndex` one or null */
export function resolveClasses({
  classes = 19,
  ignoreIndex = IGNORE,
}: ClassOptions): Readonly<Required<ClassOptions>> {
  if (!Number.isInteger(classes) || classes < 1 || classes > 4096)
    throw new InverseFormError('invalid-argument', `There cannot be ${classes} classes.`, {
      hint: 'Pass a whole number of classes from 1 to 4096 (19 for Cityscapes).',
    })
  if (ignoreIndex !== null && !Number.isInteger(ignoreIndex))
    throw new InverseFormError(
      'invalid-argument',
      `The ignore index is ${ignoreIndex}, not a whole number.`,
      {
        hint: 'Pass the id of the pixels that are not counted, such as 255, or null to count all.',
      },
    )
  return { classes, ignoreIndex }
}

/**
 * @throws InverseFormError `invalid-argument` unless truth and prediction are integer arrays of up to 32 bits;
 *   `size-mismatch` unless they have width · height pixels, at least one
 */
export function checkSizes({ truth, prediction, width, height, name }: SegmentedImage): void {
  expectIds('true', truth, name)
  expectIds('predicted', prediction, name)
  const pixels = width * height
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  if (whole && truth.length === pixels && prediction.length === pixels) return
  throw new InverseFormError(
    'size-mismatch',
    `${of(name)}of ${width} x ${height} pixels has ${truth.length} truth ids and ${prediction.length} predicted ones.`,
    {
      hint: 'Give one id a pixel for both; resize a prediction to the size of its truth by nearest neighbour first.',
      details: { name, width, height, truth: truth.length, prediction: prediction.length },
    },
  )
}

const ID_ARRAYS = /^(Uint8|Uint8Clamped|Uint16|Uint32|Int8|Int16|Int32)Array$/

/** @throws InverseFormError `invalid-argument` for ids that could be fractions, BigInts or no numbers at all */
export function expectIds(what: 'true' | 'predicted' | 'instance', ids: unknown, name?: string): void {
  const kind = Object.prototype.toString.call(ids).slice('[object '.length, -1)
  if (ID_ARRAYS.test(kind)) return
  throw new InverseFormError(
    'invalid-argument',
    `${of(name)}has its ${what} ids in a value of the kind ${kind}.`,
    {
      hint: 'Pass an integer array such as Uint8Array or Int32Array; Int32Array.from(ids, Number) makes one of an array of any numbers.',
      details: { name, what, kind },
    },
  )
}

/** The ids that may stand in a map, for {@link badId}. */
export function allowedIds(
  what: 'truth' | 'prediction',
  { classes, ignoreIndex }: Required<ClassOptions>,
): string {
  const ids = `0..${classes - 1}`
  if (ignoreIndex === null || ignoreIndex >>> 0 < classes) return ids
  return `${ids} and ${ignoreIndex} (${what === 'truth' ? 'ignored' : 'no class'})`
}

/** The error for an id that is no class: names the image, the pixel and the id. */
export function badId(
  what: 'truth' | 'prediction',
  pixel: number,
  { truth, prediction, width, name }: SegmentedImage,
  allowed: string,
  hint = 'Map the ids to the classes first, such as label ids to train ids with toTrainIds().',
): InverseFormError {
  const id = (what === 'truth' ? truth : prediction)[pixel]!
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  return new InverseFormError(
    'invalid-argument',
    `${of(name)}has the ${what === 'truth' ? 'true' : 'predicted'} id ${id} at column ${x}, row ${y}; allowed are ${allowed}.`,
    {
      hint,
      details: { name, what, id, x, y },
    },
  )
}

/** The error for a pixel whose truth, or else prediction, is no class. */
export function badPair(
  pixel: number,
  image: SegmentedImage,
  options: Readonly<Required<ClassOptions>>,
  hint?: string,
): InverseFormError {
  const what = image.truth[pixel]! >>> 0 < options.classes ? 'prediction' : 'truth'
  return badId(what, pixel, image, allowedIds(what, options), hint)
}

/** How an error message starts. */
export const of = (name: string | undefined): string => (name === undefined ? 'An image ' : `${name} `)
