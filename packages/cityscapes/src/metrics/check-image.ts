import { checkArgument, checkInteger, checkIntegerArray, InverseFormError } from '@inverseform/errors'
import type { SegmentedImage } from './metric.js'
import type { ResolvedCountOptions } from './options.js'

/**
 * Checks the types and sizes of an image's maps. The ids themselves are checked where they are counted.
 * @throws InverseFormError `invalid-argument` unless target and prediction are integer arrays of at most 32 bits, and width
 *   and height integers; `size-mismatch` unless both have width · height pixels, at least one
 */
export function checkImage(image: SegmentedImage): void {
  checkArgument(
    'image',
    image,
    typeof image === 'object' && image !== null,
    'an object with `target`, `prediction`, `width` and `height`',
  )
  const { target, prediction, width, height, name } = image
  checkIds('target', target, name)
  checkIds('prediction', prediction, name)
  checkArgument('name', name, name === undefined || typeof name === 'string', 'a string')
  for (const [side, value] of Object.entries({ width, height })) {
    // The error for wrong sizes tells more about numbers.
    if (typeof value !== 'number') checkInteger(side, value, { min: 1 }, { details: { name } })
  }
  const pixels = width * height
  const isSize = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  if (isSize && target.length === pixels && prediction.length === pixels) return
  throw new InverseFormError(
    'size-mismatch',
    `${subject(name)} of ${width} x ${height} pixels has ${target.length} target ids and ${prediction.length} predicted ids.`,
    {
      hint: 'Pass one id per pixel in both. Resize a prediction to the size of its target by nearest neighbor first.',
      details: { name, width, height, target: target.length, prediction: prediction.length },
    },
  )
}

/** @throws InverseFormError `invalid-argument` for arrays that can hold fractions or BigInts, and for anything else */
export function checkIds(
  argument: 'target' | 'prediction' | 'instanceIds',
  ids: unknown,
  name?: string,
): void {
  checkIntegerArray(argument, ids, {
    hint: 'Int32Array.from(ids, Number) converts any array of numbers.',
    details: { name },
  })
}

/**
 * Creates the error for a pixel with an id that is not allowed in its map: in the target if that id is invalid, otherwise
 * in the prediction. It names the image, the pixel and the id.
 */
export function invalidPixel(
  pixel: number,
  { target, prediction, width, name }: SegmentedImage,
  {
    numClasses,
    ignoreIndex,
    voidIndex,
  }: Pick<ResolvedCountOptions, 'numClasses' | 'ignoreIndex'> & {
    readonly voidIndex?: number | null
  },
  hint = 'Map the ids to classes first, such as label ids to train ids with toTrainIds().',
): InverseFormError {
  const isPrediction = target[pixel] >>> 0 < numClasses || target[pixel] === voidIndex
  const id = (isPrediction ? prediction : target)[pixel]
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  const classes = `0..${numClasses - 1}`
  const others = [
    ...(ignoreIndex === null || ignoreIndex >>> 0 < numClasses
      ? []
      : [`${ignoreIndex} (${isPrediction ? 'no class' : 'ignored'})`]),
    ...(typeof voidIndex === 'number' ? [`${voidIndex} (no class)`] : []),
  ]
  const allowed = [classes, ...others].join(' and ')
  return new InverseFormError(
    'invalid-argument',
    `${subject(name)} has the ${isPrediction ? 'predicted' : 'target'} id ${id} at column ${x}, row ${y}; allowed are ${allowed}.`,
    { hint, details: { name, what: isPrediction ? 'prediction' : 'target', id, x, y } },
  )
}

/** Returns the subject of an error message about an image. */
export const subject = (name: string | undefined): string => name ?? 'An image'
