import { sum } from '@inverseform/shared'
import type { TensorOps } from '../../ops.js'
import { checkIgnoreIndex, checkTarget, mapSize, type SegmentationLossInputs } from '../inputs.js'
import { oneHot, type ValidPixels, validPixels } from '../valid-pixels.js'

/** Checked logits and target, with the pixels of an image on one axis. */
export interface PixelData<T> extends ValidPixels {
  readonly images: number
  readonly numClasses: number
  readonly height: number
  readonly width: number
  /** Pixels of one image. */
  readonly pixels: number
  /** [images, classes, pixels]. */
  readonly logits: T
  /** Number of valid pixels. */
  readonly numValid: number
  /** `valid` as [images, 1, pixels]. */
  readonly mask: T
  /** One-hot target, [images, classes, pixels]; all 0 for ignored pixels. */
  readonly oneHot: T
}

/**
 * Checks logits and target, and prepares them for a loss.
 *
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ; `invalid-argument` for a target value
 *   that is not a class
 */
export function pixelData<T>(
  ops: TensorOps<T>,
  { logits, target }: SegmentationLossInputs<T>,
  ignoreIndex = 255,
): PixelData<T> {
  checkIgnoreIndex(ignoreIndex)
  const size = mapSize(ops, 'logits', logits)
  const { images, channels: numClasses, height, width } = size
  checkTarget('target', target, size)
  const valid = validPixels(target, size, ignoreIndex)
  const pixels = height * width
  const shape = [images, numClasses, pixels]
  return {
    images,
    numClasses,
    height,
    width,
    pixels,
    logits: ops.reshape(logits, shape),
    ...valid,
    numValid: sum(valid.valid),
    mask: ops.constant(valid.valid, [images, 1, pixels]),
    oneHot: ops.constant(oneHot(valid, size), shape),
  }
}
