import type { TensorOps } from '../../ops.js'
import type { CrossEntropyInputs } from '../cross-entropy.js'
import { checkMap, mapSize } from '../inputs.js'
import { countedPixels } from '../weighted-likelihood.js'

/** Logits [images, classes, height, width], before softmax, with labels 0..classes-1 or `ignoreIndex`. */
export type LabelledLogits<T> = CrossEntropyInputs<T>

export interface IgnoreOptions {
  /** The label of pixels that do not count. Default 255. */
  readonly ignoreIndex?: number
}

/** Logits with their labels, checked, with the pixels of an image on one axis. */
export interface Labelled<T> {
  readonly images: number
  readonly classes: number
  readonly height: number
  readonly width: number
  /** Of one image. */
  readonly pixels: number
  /** [images, classes, pixels]. */
  readonly logits: T
  /** True class of each pixel, 0 where it does not count. */
  readonly indices: Int32Array
  /** 1 where a pixel counts, else 0. */
  readonly counted: Uint8Array
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
  const { indices, counted } = countedPixels(labels, classes, ignoreIndex)
  const pixels = height * width
  const truth = new Float32Array(images * classes * pixels)
  let total = 0
  for (let i = 0; i < indices.length; i++) {
    if (!counted[i]) continue
    const image = Math.floor(i / pixels)
    truth[(image * classes + indices[i]!) * pixels + (i - image * pixels)] = 1
    total++
  }
  const shape = [images, classes, pixels]
  return {
    images,
    classes,
    height,
    width,
    pixels,
    logits: ops.reshape(logits, shape),
    indices,
    counted,
    total,
    mask: ops.constant(counted, [images, 1, pixels]),
    truth: ops.constant(truth, shape),
  }
}
