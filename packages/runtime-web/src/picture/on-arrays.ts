import {
  type Labels,
  type Network,
  type RgbImage,
  type RunOptions,
  type SegmentationMaps,
  segmentBatch,
} from '@inverseform/runtime'
import type { PictureInfo } from './options.js'
import { DIMMED, type PaintSettings } from './style.js'

/** A picture in the worker, next to its pixels and labels. */
export interface KeptPicture {
  readonly info: PictureInfo
  paint(settings: PaintSettings): Promise<ImageBitmap>
  labels(): Promise<Labels>
  dispose(): void
}

/** Options of a picture. `edges` needs the edge head. */
export interface KeptPictureOptions extends Omit<RunOptions, 'outputs'> {
  readonly edges: boolean
}

/** Returns the outputs that a picture needs. */
export const pictureOutputs = (edges: boolean): readonly ['labels'] | readonly ['labels', 'edges'] =>
  edges ? ['labels', 'edges'] : ['labels']

/** Creates a picture in main memory, which is painted in JavaScript. */
export async function pictureOnArrays<M>(
  network: Network<M, RgbImage>,
  image: RgbImage,
  { edges, ...options }: KeptPictureOptions,
): Promise<KeptPicture> {
  const outputs = pictureOutputs(edges)
  const [segmentation] = await segmentBatch(network, [image], { ...options, outputs })
  const { width, height, numClasses, tiles, timings, labels } = segmentation
  return {
    info: { width, height, numClasses, tiles, timings, edges },
    paint: async (settings) => createImageBitmap(paintPixels(image, segmentation, settings)),
    labels: async () => labels.slice(),
    dispose() {},
  }
}

/** Returns the painted pixels, opaque. */
export function paintPixels(
  { data: image, width, height }: RgbImage,
  maps: Pick<SegmentationMaps, 'labels'> & Partial<Pick<SegmentationMaps, 'edges'>>,
  { opacity, colors, edges, highlight }: PaintSettings,
): ImageData {
  const { labels } = maps
  const probabilities = edges && (maps.edges as Float32Array)
  const painted = new ImageData(width, height)
  const { data } = painted
  for (let pixel = 0, to = 0, from = 0; pixel < width * height; pixel++, to += 4, from += 3) {
    const label = labels[pixel]
    const isEdge = edges && probabilities && probabilities[pixel] >= edges.threshold
    const isDimmed = highlight !== undefined && label !== highlight
    for (let c = 0; c < 3; c++) {
      // Storing in the clamped array rounds.
      if (isEdge) data[to + c] = edges.color[c]
      else if (isDimmed) data[to + c] = DIMMED * image[from + c]
      else data[to + c] = (1 - opacity) * image[from + c] + opacity * colors[3 * label + c]
    }
    data[to + 3] = 255
  }
  return painted
}
