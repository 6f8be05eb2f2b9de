import { InverseFormError, isInverseFormError } from '@inverseform/errors'

/**
 * Returns the error for an output with a value that is not a number or infinite: its classes would mean nothing.
 *
 * @param image the index of the image in its batch
 * @param value the first such value, if known
 * @param name the argument with the image
 */
export function notFinite(
  output: string,
  image: number,
  value?: number,
  name = `images[${image}]`,
): InverseFormError {
  const found = value === undefined ? 'NaN or infinite values' : `the value ${value}`
  return new InverseFormError(
    'inference-failed',
    `The network's output \`${output}\` has ${found} for \`${name}\`.`,
    {
      hint:
        'Check the weights of the checkpoint: they may be NaN, infinite or very large. On a GPU, try the precision ' +
        'float32.',
      details: { output, image, value },
    },
  )
}

/**
 * Replaces the index in a batch in an error of `notFinite` by the index in the list that the caller passed.
 *
 * @param indices of the images of the batch in the list
 * @param count the length of the list
 */
export function withImageIndex(error: unknown, indices: readonly number[], count: number): unknown {
  if (!isInverseFormError(error) || error.code !== 'inference-failed') return error
  const { output, image, value } = error.details
  if (typeof output !== 'string' || typeof image !== 'number') return error
  const index = indices[image] ?? image
  return notFinite(output, index, value as number | undefined, count === 1 ? 'image' : undefined)
}
