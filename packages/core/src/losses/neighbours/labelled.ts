import type { TensorOps } from '../../ops.js'
import { type CountedPixels, countedPixels, oneHot } from '../counted-pixels.js'
import type { CrossEntropyInputs } from '../cross-entropy.js'
import { checkMap, mapSize } from '../inputs.js'

/** Logits [images, classes, height, width], before softmax, with labels 0..classes-1 or `ignoreIndex`. */
export type LabelledLogits<T> = CrossEntropyInputs<T>

export interface IgnoreOptions {
  /** The label of pixels that do not count. Default 255. */
  readonly ignoreIndex?: number
}

/** Logits with their labels, checked, with the pixels of an image on one axis. */
export interface Labelled<T> extends CountedPixels {
  readonly images: number
  readonly classes: number
  readonly height: number
  readonly width: number
  /** Of one image. */
  readonly pixels: number
  /** [images, classes, pixels]. */
  readonly logits: T
  /** How many pixels count. */
  readonly total: number
  /** `counted` as [images, 1, pixels]. */
  readonly mask: T
  /** One-hot labels, [images, classes, pixels]: all 0 where a pixel does not count. */
  readonly truth: T
}

/** @throws `size-mismatch` when logits and labels do not go together; `invalid-argument` for a label out of range */
export function labelled<T>(
  ops: TensorOps<T>,
  { logits, labels }: LabelledLogits<T>,
  ignoreIndex = 255,
): Labelled<T> {
  const size = mapSize(ops, 'logits', logits)
  const { images, channels: classes, height, width } = size
  checkMap('labels', labels, size)
  const known = countedPixels(labels, size, ignoreIndex)
  const pixels = height * width
  const shape = [images, classes, pixels]
  return {
    images,
    classes,
    height,
    width,
    pixels,
    logits: ops.reshape(logits, shape),
    ...known,
    total: known.counted.reduce((sum, one) => sum + one, 0),
    mask: ops.constant(known.counted, [images, 1, pixels]),
    truth: ops.constant(oneHot(known, size), shape),
  }
}
