import {
  type Labels,
  type Network,
  type PaintSettings,
  paintPixels,
  type RgbImage,
  type RunOptions,
  segmentBatch,
} from '@inverseform/runtime'
import type { PictureInfo } from './options.js'

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
    paint: async (settings) =>
      createImageBitmap(new ImageData(paintPixels(image, segmentation, settings), width, height)),
    labels: async () => labels.slice(),
    dispose() {},
  }
}
