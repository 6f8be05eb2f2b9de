import { complement } from '../../norm.js'
import type { TensorOps } from '../../ops.js'
import { checkChoice, checkInteger, checkNumber } from '../../options.js'
import type { ClassWeightsOptions } from '../class-weights.js'
import { fromLargest } from '../functions.js'
import type { IntegerArray } from '../inputs.js'
import { type Labelled, type LabelledLogits, labelled } from './labelled.js'

export interface LabelRelaxationOptions extends ClassWeightsOptions {
  /** How far around a pixel classes are accepted for it, in rows and columns. Default 1: a window of 3x3. */
  readonly border?: number
  /** Weigh classes by their share of each image on its own (default), or of the batch as one image. Default true. */
  readonly perImage?: boolean
  /** `sum` of the images' losses (default), or their `mean`. */
  readonly reduction?: 'sum' | 'mean'
  /** Let ignored pixels count where a class lies within their window, as the published code does. Default false. */
  readonly countNearIgnored?: boolean
}

/**
 * Cross-entropy with labels relaxed at borders: every class within a pixel's window is right for it, and its loss is
 * `-w log Σ p` over those classes, w the mean of their weights. For each image the sum over the pixels that count is divided by
 * their number plus 1; then images are summed. A class c that occurs weighs `1 + upperBound · (1 - share)` (with `norm`,
 * `1 + upperBound / share`), its share being of all accepted labels, where ignored pixels and what is beyond the frame count as
 * one more class. An image with no pixel that counts adds 0.
 *
 * Source: Zhu et al., Improving Semantic Segmentation via Video Propagation and Label Relaxation, CVPR 2019, and NVIDIA's code
 * (`ImgWtLossSoftNLL`, `RelaxedBoundaryLossToTensor`).
 *
 * @returns a scalar, at least 0, in nats
 * @throws `size-mismatch` when logits and labels do not go together; `invalid-argument` for a label out of range or an option
 */
export function labelRelaxationLoss<T>(
  ops: TensorOps<T>,
  inputs: LabelledLogits<T>,
  options: LabelRelaxationOptions = {},
): T {
  const { border = 1, perImage = true, reduction = 'sum', ignoreIndex = 255 } = options
  const { upperBound = 1, norm = false, countNearIgnored = false } = options
  checkChoice('reduction', reduction, 'sum', 'mean')
  checkInteger('border', border, 0)
  checkNumber('upperBound', upperBound, 0)
  const data = labelled(ops, inputs, ignoreIndex)
  const { images, classes, pixels, logits } = data
  const accepted = acceptedClasses(inputs.labels, data, border, countNearIgnored)
  const weights = new Float64Array(images * pixels)
  const perGroup = perImage ? 1 : images
  for (let first = 0; first < images; first += perGroup) {
    const table = weightsOf(accepted, data, first, perGroup, upperBound, norm)
    for (let image = first; image < first + perGroup; image++) {
      weights.set(pixelWeights(accepted, data, image, table), image * pixels)
    }
  }
  const set = ops.constant(accepted.sets, [images, classes, pixels])
  const shifted = fromLargest(ops, logits)
  // Far below every logit, so that the other classes' powers are exactly 0.
  const among = ops.subtract(shifted, ops.multiply(complement(ops, set), 1e30))
  const surprise = ops.subtract(ops.log(ops.sum(ops.exp(shifted), [1])), logSumExp(ops, among))
  const loss = ops.sum(ops.multiply(surprise, ops.constant(weights, [images, pixels])))
  return reduction === 'sum' ? loss : ops.divide(loss, images)
}

interface Accepted {
  /** [images, classes, pixels]: 1 for the classes that are right. All are for pixels that do not count, whose weight is 0. */
  readonly sets: Uint8Array
  /** Number of classes that are right for a pixel; 0 where it does not count. */
  readonly sizes: Uint32Array
  /** 1 where an ignored pixel, or one beyond the frame, is in the window. */
  readonly other: Uint8Array
}

function acceptedClasses(
  labels: IntegerArray,
  { images, classes, height, width, pixels, counted }: Labelled<unknown>,
  border: number,
  countNearIgnored: boolean,
): Accepted {
  const sets = new Uint8Array(images * classes * pixels)
  const sizes = new Uint32Array(labels.length)
  const other = new Uint8Array(labels.length)
  for (let image = 0, i = 0; image < images; image++) {
    const start = image * pixels
    const base = start * classes
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const slot = base + y * width + x
        if (counted[i] || countNearIgnored) {
          for (let v = y - border; v <= y + border; v++) {
            for (let u = x - border; u <= x + border; u++) {
              const within = v >= 0 && v < height && u >= 0 && u < width
              const at = start + v * width + u
              if (!within || !counted[at]) {
                other[i] = 1
                continue
              }
              const cell = slot + labels[at]! * pixels
              if (sets[cell]) continue
              sets[cell] = 1
              sizes[i]!++
            }
          }
        } else other[i] = 1
        if (sizes[i] === 0) for (let c = 0; c < classes; c++) sets[slot + c * pixels] = 1
      }
    }
  }
  return { sets, sizes, other }
}

/** Weights of the classes by their share of what is accepted in some images. */
function weightsOf(
  { sets, sizes, other }: Accepted,
  { classes, pixels }: Labelled<unknown>,
  first: number,
  images: number,
  upperBound: number,
  norm: boolean,
): Float64Array {
  const counts = new Float64Array(classes)
  let total = 0
  for (let i = first * pixels; i < (first + images) * pixels; i++) {
    total += sizes[i]! + other[i]!
    if (sizes[i] === 0) continue
    const image = Math.floor(i / pixels)
    const slot = image * classes * pixels + (i - image * pixels)
    for (let c = 0; c < classes; c++) counts[c]! += sets[slot + c * pixels]!
  }
  return counts.map((count) => {
    if (count === 0) return 1
    return 1 + (norm ? (upperBound * total) / count : upperBound * (1 - count / total))
  })
}

/** Of one image: the mean weight of each pixel's classes, over the number of pixels that count plus 1. */
function pixelWeights(
  { sets, sizes }: Accepted,
  { classes, pixels }: Labelled<unknown>,
  image: number,
  table: Float64Array,
): Float64Array {
  const weights = new Float64Array(pixels)
  let counting = 0
  for (let p = 0; p < pixels; p++) {
    const size = sizes[image * pixels + p]!
    if (size === 0) continue
    counting++
    for (let c = 0; c < classes; c++) {
      if (sets[(image * classes + c) * pixels + p]) weights[p]! += table[c]! / size
    }
  }
  return weights.map((weight) => weight / (counting + 1))
}

function logSumExp<T>(ops: TensorOps<T>, x: T): T {
  const largest = ops.max(ops.stopGradient(x), [1], true)
  const sum = ops.sum(ops.exp(ops.subtract(x, largest)), [1])
  return ops.add(ops.log(sum), ops.sum(largest, [1]))
}
