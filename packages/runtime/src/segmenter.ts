import type { LoadReport, SegmentationModelName } from '@inverseform/backbones'
import type { Network } from './network.js'
import {
  type Segmentation,
  type SegmentImagesOptions,
  type SegmentOptions,
  segmentImages,
} from './segment-images.js'
import type { RgbImage } from './tensor.js'

/**
 * Segments images with one network. The same in Node and in the browser; what counts as an image (`Input`) differs.
 * Holds native memory: `dispose()` it, or declare it with `await using`.
 */
export interface Segmenter<Input> extends AsyncDisposable {
  readonly model: SegmentationModelName
  readonly classes: number
  /** Where the network runs, e.g. `cpu`. */
  readonly device: string
  /** What loading made of the checkpoint's tensors. */
  readonly report: LoadReport
  /** How long loading took, in milliseconds. */
  readonly loadTimings: LoadTimings
  segment(image: Input, options?: SegmentOptions): Promise<Segmentation>
  /** Results in the order of the images; images of one size run together. */
  segmentBatch(images: readonly Input[], options?: SegmentOptions): Promise<Segmentation[]>
  dispose(): Promise<void>
}

export interface LoadTimings {
  /** From the checkpoint's bytes to an ONNX model. */
  readonly convert: number
  /** From the ONNX model to a session. */
  readonly session: number
}

/** Segments images of any sizes, those of one size together. */
export async function segmentBatch(
  network: Network,
  images: readonly RgbImage[],
  options?: SegmentImagesOptions,
): Promise<Segmentation[]> {
  const bySize = new Map<string, number[]>()
  images.forEach(({ width, height }, i) => {
    const size = `${width}x${height}`
    bySize.set(size, [...(bySize.get(size) ?? []), i])
  })
  const results = new Array<Segmentation>(images.length)
  for (const indices of bySize.values()) {
    const segmentations = await segmentImages(
      network,
      indices.map((i) => images[i]),
      options,
    )
    for (const [k, i] of indices.entries()) results[i] = segmentations[k]
  }
  return results
}
