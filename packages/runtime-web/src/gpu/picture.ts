import { mapsAtScale1, type Network, runViews, segmentLoaded } from '@inverseform/runtime'
import type { BrowserGpu } from '../devices/browser-devices.js'
import { type KeptPicture, type KeptPictureOptions, pictureOutputs } from '../picture/on-arrays.js'
import type { PictureInfo } from '../picture/options.js'
import { checkLabels, type GpuEngine, type GpuImageBatch, readLabels } from './engine.js'
import type { Gpu } from './gpu.js'
import type { GpuEdges, GpuPaintable, GpuPainter } from './painter.js'
import type { GpuImage } from './pixels.js'
import type { GpuTensor } from './tensor.js'

type GpuNetwork = Network<GpuTensor, GpuImage>

/** Creates a picture in a GPU's memory. Only the labels are read back, on request. */
export async function pictureOnGpu(
  { gpu, engine }: BrowserGpu,
  painter: GpuPainter,
  network: GpuNetwork,
  image: GpuImage,
  options: KeptPictureOptions,
): Promise<KeptPicture> {
  const batch = await engine.load([image])
  try {
    const { scales = network.info.multiScale ? undefined : [1] } = options
    const make = scales?.every((scale) => scale === 1) ? segmentOnGpu : segmentAndUpload
    const { paintable, info } = await make({ gpu, engine }, network, batch, options)
    const { width, height, numClasses } = info
    return {
      info,
      async paint(settings) {
        const bitmap = painter(paintable, settings)
        try {
          await gpu.finish()
          return bitmap
        } catch (error) {
          bitmap.close()
          throw error
        }
      },
      labels: () => readLabels(gpu, paintable.labels, numClasses, width * height),
      dispose() {
        batch.dispose()
        free(paintable)
      },
    }
  } catch (error) {
    batch.dispose()
    throw error
  }
}

interface NewPicture {
  readonly paintable: GpuPaintable
  readonly info: PictureInfo
}

interface Tools {
  readonly gpu: Gpu
  readonly engine: GpuEngine
}

async function segmentOnGpu(
  { gpu, engine }: Tools,
  network: GpuNetwork,
  batch: GpuImageBatch,
  { edges: wantsEdges, ...options }: KeptPictureOptions,
): Promise<NewPicture> {
  const { width, height } = batch
  const { numClasses, info } = network
  const run = await runViews(network, batch, options)
  try {
    const started = performance.now()
    const maps = mapsAtScale1(run.views, 'logits')
    const { labels, confidence } = engine.classify(maps, { image: 0, width, height, confidence: false })
    confidence.destroy()
    const edges: GpuEdges | undefined = wantsEdges
      ? {
          kind: info.edgeOutput,
          maps: mapsAtScale1(run.views, 'edge').map(({ map, mirrored }) => ({
            map: engine.copy(map),
            mirrored,
          })),
        }
      : undefined
    const paintable: GpuPaintable = { image: batch.images[0], numClasses, labels, edges }
    await checkLabels(gpu, labels, numClasses, width * height).catch((error) => {
      free(paintable)
      throw error
    })
    const timings = { ...run.timings, postprocess: performance.now() - started }
    return {
      paintable,
      info: { width, height, numClasses, tiles: run.tiles, timings, edges: wantsEdges },
    }
  } finally {
    run.release()
  }
}

/** Segments at several scales, which are blended in main memory. */
async function segmentAndUpload(
  { gpu, engine }: Tools,
  network: GpuNetwork,
  batch: GpuImageBatch,
  { edges: wantsEdges, ...options }: KeptPictureOptions,
): Promise<NewPicture> {
  const outputs = pictureOutputs(wantsEdges)
  const [segmentation] = await segmentLoaded(network, batch, { ...options, outputs })
  const { width, height, numClasses, tiles, timings, labels } = segmentation
  const edges = 'edges' in segmentation ? segmentation.edges : undefined
  const map = edges && engine.upload({ data: edges, shape: [1, 1, height, width] })
  return {
    paintable: {
      image: batch.images[0],
      numClasses,
      labels: gpu.createBuffer(labels),
      edges: map && { kind: 'probability', maps: [{ map, mirrored: false }] },
    },
    info: { width, height, numClasses, tiles, timings, edges: wantsEdges },
  }
}

/** Frees everything but the image, which belongs to its batch. */
function free({ labels, edges }: GpuPaintable): void {
  labels.destroy()
  for (const { map } of edges?.maps ?? []) map.free()
}
