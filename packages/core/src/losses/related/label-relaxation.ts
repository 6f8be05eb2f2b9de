import { checkBoolean, checkInteger, checkOneOf } from '@inverseform/errors'
import { complement, subtractMax } from '../../math.js'
import type { TensorOps } from '../../ops.js'
import type { IntegerArray, SegmentationLossInputs } from '../inputs.js'
import { type ClassWeightsOptions, checkClassWeightsOptions } from '../inverse-form/class-weights.js'
import { type PixelData, pixelData } from './pixel-data.js'

export interface LabelRelaxationLossOptions extends ClassWeightsOptions {
  /** Rows and columns around a pixel whose classes are accepted for it. Default 1: a window of 3x3. */
  readonly border?: number
  /** Computes class weights for each image (default) instead of the whole batch. Default true. */
  readonly perImage?: boolean
  /** `sum` (default) adds up the images' losses; `mean` averages them. */
  readonly reduction?: 'sum' | 'mean'
  /** Counts ignored pixels if a class lies within their window, as the published code does. Default false. */
  readonly countNearIgnored?: boolean
}

/**
 * Cross-entropy with labels relaxed at borders. Every class within a pixel's window is accepted: the loss of the pixel is
 * `-w log Σ p` over those classes, with w the mean of their weights. The sum over the valid pixels of an image is divided by
 * their number plus 1, and the images are summed. An image without valid pixels adds 0.
 *
 * A class that occurs weighs `1 + upperBound · (1 - share)`, or `1 + upperBound / share` with `norm`. Its share is that of all
 * accepted labels, where ignored pixels and positions outside the image count as one more class.
 *
 * Source: Zhu et al., Improving Semantic Segmentation via Video Propagation and Label Relaxation, CVPR 2019, and NVIDIA's code
 * (`ImgWtLossSoftNLL`, `RelaxedBoundaryLossToTensor`).
 *
 * @returns a scalar, at least 0, in nats
 * @throws InverseFormError `size-mismatch` when the sizes of logits and target differ; `invalid-argument` for a target value
 *   that is not a class or an invalid option
 */
export function labelRelaxationLoss<T>(
  ops: TensorOps<T>,
  inputs: SegmentationLossInputs<T>,
  options: LabelRelaxationLossOptions = {},
): T {
  const { border = 1, perImage = true, reduction = 'sum', ignoreIndex = 255 } = options
  const { upperBound = 1, norm = false, countNearIgnored = false } = options
  checkOneOf('reduction', reduction, ['sum', 'mean'])
  checkInteger('border', border, { min: 0 })
  checkBoolean('perImage', perImage)
  checkBoolean('countNearIgnored', countNearIgnored)
  checkClassWeightsOptions(norm, upperBound, ignoreIndex)
  const data = pixelData(ops, inputs, ignoreIndex)
  const { images, numClasses, pixels, logits } = data
  const accepted = acceptedClasses(inputs.target, data, border, countNearIgnored)
  const weights = new Float64Array(images * pixels)
  const imagesPerGroup = perImage ? 1 : images
  for (let first = 0; first < images; first += imagesPerGroup) {
    const table = weightsOf(accepted, data, first, imagesPerGroup, upperBound, norm)
    for (let image = first; image < first + imagesPerGroup; image++) {
      weights.set(pixelWeights(accepted, data, image, table), image * pixels)
    }
  }
  const set = ops.constant(accepted.sets, [images, numClasses, pixels])
  const shifted = subtractMax(ops, logits)
  // Moves the other classes far below every logit, so that their powers are exactly 0.
  const among = ops.subtract(shifted, ops.multiply(complement(ops, set), 1e30))
  const crossEntropy = ops.subtract(ops.log(ops.sum(ops.exp(shifted), [1])), logSumExp(ops, among))
  const loss = ops.sum(ops.multiply(crossEntropy, ops.constant(weights, [images, pixels])))
  return reduction === 'sum' ? loss : ops.divide(loss, images)
}

interface Accepted {
  /** [images, classes, pixels]: 1 for accepted classes. An uncounted pixel, whose weight is 0, accepts all. */
  readonly sets: Uint8Array
  /** Number of accepted classes of each pixel; 0 for uncounted pixels. */
  readonly sizes: Uint32Array
  /** 1 where the window contains an ignored pixel or extends outside the image. */
  readonly other: Uint8Array
}

function acceptedClasses(
  target: IntegerArray,
  { images, numClasses, height, width, pixels, valid }: PixelData<unknown>,
  border: number,
  countNearIgnored: boolean,
): Accepted {
  const sets = new Uint8Array(images * numClasses * pixels)
  const sizes = new Uint32Array(target.length)
  const other = new Uint8Array(target.length)
  for (let image = 0, i = 0; image < images; image++) {
    const start = image * pixels
    const base = start * numClasses
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const slot = base + y * width + x
        if (valid[i] || countNearIgnored) {
          for (let v = y - border; v <= y + border; v++) {
            for (let u = x - border; u <= x + border; u++) {
              const within = v >= 0 && v < height && u >= 0 && u < width
              const at = start + v * width + u
              if (!within || !valid[at]) {
                other[i] = 1
                continue
              }
              const cell = slot + target[at] * pixels
              if (sets[cell]) continue
              sets[cell] = 1
              sizes[i]++
            }
          }
        } else other[i] = 1
        if (sizes[i] === 0) for (let c = 0; c < numClasses; c++) sets[slot + c * pixels] = 1
      }
    }
  }
  return { sets, sizes, other }
}

/** Returns class weights by share of the accepted labels in some images. */
function weightsOf(
  { sets, sizes, other }: Accepted,
  { numClasses, pixels }: PixelData<unknown>,
  first: number,
  images: number,
  upperBound: number,
  norm: boolean,
): Float64Array {
  const counts = new Float64Array(numClasses)
  let total = 0
  for (let i = first * pixels; i < (first + images) * pixels; i++) {
    total += sizes[i] + other[i]
    if (sizes[i] === 0) continue
    const image = Math.floor(i / pixels)
    const slot = image * numClasses * pixels + (i - image * pixels)
    for (let c = 0; c < numClasses; c++) counts[c] += sets[slot + c * pixels]
  }
  return counts.map((count) => {
    if (count === 0) return 1
    return 1 + (norm ? (upperBound * total) / count : upperBound * (1 - count / total))
  })
}

/** Returns, for one image, the mean weight of each pixel's classes divided by the number of counted pixels plus 1. */
function pixelWeights(
  { sets, sizes }: Accepted,
  { numClasses, pixels }: PixelData<unknown>,
  image: number,
  table: Float64Array,
): Float64Array {
  const weights = new Float64Array(pixels)
  let counted = 0
  for (let p = 0; p < pixels; p++) {
    const size = sizes[image * pixels + p]
    if (size === 0) continue
    counted++
    for (let c = 0; c < numClasses; c++) {
      if (sets[(image * numClasses + c) * pixels + p]) weights[p] += table[c] / size
    }
  }
  return weights.map((weight) => weight / (counted + 1))
}

function logSumExp<T>(ops: TensorOps<T>, x: T): T {
  const largest = ops.max(ops.stopGradient(x), [1], true)
  const sum = ops.sum(ops.exp(ops.subtract(x, largest)), [1])
  return ops.add(ops.log(sum), ops.sum(largest, [1]))
}
