import {
  type Labels,
  type Network,
  type RgbImage,
  type Segmentation,
  type SegmentImagesOptions,
  segmentImages,
} from '@inverseform/runtime'
import { DIMMED, type PaintSettings } from './picture-style.js'
import type { PictureFacts } from './protocol.js'

/** A segmented image where its pixels and labels are kept. */
export interface KeptPicture {
  readonly facts: Omit<PictureFacts, 'id'>
  paint(settings: PaintSettings): Promise<ImageBitmap>
  labels(): Promise<Labels>
  dispose(): void
}

/** What a picture is made with; `edges` only where there is the edge head. */
export interface KeptPictureOptions extends Omit<SegmentImagesOptions, 'outputs'> {
  readonly edges: boolean
}

/** A picture in main memory, painted in JavaScript. */
export async function pictureOnArrays<M>(
  network: Network<M, RgbImage>,
  image: RgbImage,
  { edges, ...options }: KeptPictureOptions,
): Promise<KeptPicture> {
  const outputs = edges ? (['labels', 'edges'] as const) : (['labels'] as const)
  const [segmentation] = await segmentImages(network, [image], { ...options, outputs })
  const { width, height, classes, tiles, timings, labels } = segmentation
  return {
    facts: { width, height, classes, tiles, timings, edges },
    paint: async (settings) => createImageBitmap(paintPixels(image, segmentation, settings)),
    labels: async () => (labels as Labels).slice(),
    dispose() {},
  }
}

/** The painted pixels, opaque. */
export function paintPixels(
  { data: image, width, height }: RgbImage,
  { labels, edges: probabilities }: Pick<Segmentation, 'labels' | 'edges'>,
  { opacity, colors, edges, highlight }: PaintSettings,
): ImageData {
  const painted = new ImageData(width, height)
  const { data } = painted
  for (let pixel = 0, to = 0, from = 0; pixel < width * height; pixel++, to += 4, from += 3) {
    const label = (labels as Labels)[pixel]
    const isEdge = edges && (probabilities as Float32Array)[pixel] >= edges.threshold
    const isDimmed = highlight !== undefined && label !== highlight
    for (let c = 0; c < 3; c++) {
      // A clamped array rounds.
      if (isEdge) data[to + c] = edges.color[c]
      else if (isDimmed) data[to + c] = DIMMED * image[from + c]
      else data[to + c] = (1 - opacity) * image[from + c] + opacity * colors[3 * label + c]
    }
    data[to + 3] = 255
  }
  return painted
}
