import { mapsAtScale1, type Network, runViews, segmentLoaded } from '@inverseform/runtime'
import type { KeptPicture, KeptPictureOptions } from '../picture-on-arrays.js'
import type { PictureFacts } from '../protocol.js'
import type { BrowserGpu } from './browser-devices.js'
import { type GpuEngine, type GpuImageBatch, readLabels } from './engine.js'
import type { Gpu } from './gpu.js'
import type { GpuEdges, GpuPaintable, GpuPainter } from './painter.js'
import type { GpuImage } from './pixels.js'
import type { GpuTensor } from './tensor.js'

type GpuNetwork = Network<GpuTensor, GpuImage>

/** A picture in a GPU's memory. Nothing is read back but the labels, when they are asked for. */
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
    const { paintable, facts } = await make({ gpu, engine }, network, batch, options)
    const { width, height, classes } = facts
    return {
      facts,
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
      labels: () => readLabels(gpu, paintable.labels, classes, width * height),
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

interface Made {
  readonly paintable: GpuPaintable
  readonly facts: Omit<PictureFacts, 'id'>
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
): Promise<Made> {
  const { width, height } = batch
  const { classes, info } = network
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
    const paintable: GpuPaintable = { image: batch.images[0], classes, labels, edges }
    await gpu.finish().catch((error) => {
      free(paintable)
      throw error
    })
    const timings = { ...run.timings, postprocess: performance.now() - started }
    return {
      paintable,
      facts: { width, height, classes, tiles: run.tiles, timings, edges: wantsEdges },
    }
  } finally {
    run.release()
  }
}

/** Several scales are blended in main memory. */
async function segmentAndUpload(
  { gpu, engine }: Tools,
  network: GpuNetwork,
  batch: GpuImageBatch,
  { edges: wantsEdges, ...options }: KeptPictureOptions,
): Promise<Made> {
  const outputs = wantsEdges ? (['labels', 'edges'] as const) : (['labels'] as const)
  const [segmentation] = await segmentLoaded(network, batch, { ...options, outputs })
  const { width, height, classes, tiles, timings, labels, edges } = segmentation
  const map = edges && engine.upload({ data: edges, shape: [1, 1, height, width] })
  return {
    paintable: {
      image: batch.images[0],
      classes,
      labels: gpu.createBuffer(labels!),
      edges: map && { kind: 'probability', maps: [{ map, mirrored: false }] },
    },
    facts: { width, height, classes, tiles, timings, edges: wantsEdges },
  }
}

/** All but the image, which is its batch's. */
function free({ labels, edges }: GpuPaintable): void {
  labels.destroy()
  for (const { map } of edges?.maps ?? []) map.free()
}
