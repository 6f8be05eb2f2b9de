import { tensorBatch } from '../engine/array-engine.js'
import type { Tensor } from '../engine/backend.js'
import type { Engine, ImageBatch } from '../engine/engine.js'
import type { Network } from '../engine/network.js'
import { withReader } from '../kernels/with-reader.js'
import type { Readout } from '../maps/labels.js'
import type { MapReader, MapSource } from '../maps/map-reader.js'
import type { RowSize } from '../maps/rows.js'
import { checkSegmentOptions, type Wanted, wantedOutputs } from './options.js'
import { mapsAtScale1, runViews, stopwatch, type ViewRun } from './run-views.js'
import { blendScales } from './scales.js'
import type {
  DefaultOutputs,
  RunOptions,
  Segmentation,
  SegmentationMaps,
  SegmentOutput,
  SegmentOutputs,
} from './segmentation.js'

/** Computed without the option `outputs`. */
const DEFAULT_OUTPUTS: readonly SegmentOutput[] = ['labels'] satisfies DefaultOutputs

/** Segments a batch of images that an engine has loaded. */
export async function segmentLoaded<M, const Outputs extends SegmentOutputs = DefaultOutputs>(
  network: Network<M, never>,
  batch: ImageBatch<M>,
  options: RunOptions<Outputs> = {},
): Promise<Segmentation<Outputs>[]> {
  checkSegmentOptions(options)
  const { engine, info, numClasses } = network
  const { count, width, height } = batch
  const wanted = wantedOutputs(options.outputs ?? DEFAULT_OUTPUTS, 'edge' in network.graph.outputs)
  const run = await runViews(network, batch, options)
  try {
    const clock = stopwatch()
    const classesOf = await classReader(engine, run.views, { width, height }, wanted)
    const edgesOf = await edgeReader(engine, run.views, { width, height }, wanted, info.edgeOutput)
    const maps: Partial<SegmentationMaps>[] = []
    for (let image = 0; image < count; image++) {
      maps.push({ ...(await classesOf(image)), ...edgesOf(image) })
    }
    const facts = { width, height, numClasses, tiles: run.tiles }
    const timings = { ...run.timings, postprocess: clock() }
    // The readers return what is wanted, which the compiler cannot know.
    return maps.map((each) => ({ ...facts, ...each, timings }) as Segmentation<Outputs>)
  } finally {
    run.release()
  }
}

/** Segments normalized images [N,3,H,W], which `normalizeImages` returns. */
export function segmentTensor<I, const Outputs extends SegmentOutputs = DefaultOutputs>(
  network: Network<Tensor, I>,
  images: Tensor,
  options: RunOptions<Outputs> = {},
): Promise<Segmentation<Outputs>[]> {
  return segmentLoaded(network, tensorBatch(images), options)
}

interface Size {
  readonly width: number
  readonly height: number
}

/** Reads labels, confidence and logits; on the engine if that avoids downloading maps. */
async function classReader<M>(
  engine: Engine<M, never>,
  views: readonly ViewRun<M>[],
  { width, height }: Size,
  wanted: Wanted,
): Promise<(image: number) => Readout | Promise<Readout>> {
  const { labels, confidence, logits } = wanted
  if (!labels && !confidence && !logits) return () => ({})
  const readClasses = engine.readClasses?.bind(engine)
  if (readClasses && !logits && views.every(({ scale }) => scale === 1)) {
    return (image) => readClasses(mapsAtScale1(views, 'logits'), { image, width, height, labels, confidence })
  }
  const downloaded = await downloadViews(engine, views)
  const [, channels] = downloaded[0].outputs.logits.shape
  const longest = Math.max(width, ...views.map((view) => view.width))
  return (image) =>
    withReader(channels, longest, (reader) =>
      readDownloaded(reader, downloaded, image, { width, height }, wanted),
    )
}

function readDownloaded<R extends RowSize>(
  reader: MapReader<R>,
  views: readonly ViewRun<Tensor>[],
  image: number,
  { width, height }: Size,
  wanted: Wanted,
): Readout {
  const sourceOf = ({ outputs, mirrored }: ViewRun<Tensor>, output: string): MapSource => ({
    tensor: outputs[output],
    image,
    output,
    mirrored,
  })
  if (views.length === 1 && !wanted.confidence && !wanted.logits) {
    return { labels: reader.labels(sourceOf(views[0], 'logits'), width, height) }
  }
  const sides = [false, true]
    .map((side) => views.filter(({ mirrored }) => mirrored === side))
    .filter((side) => side.length > 0)
  const blended = sides.map((side) => {
    const scales = side.map((view) => ({
      ...view,
      logits: reader.rows(sourceOf(view, 'logits')),
      attention: view.outputs.attention && reader.rows(sourceOf(view, 'attention')),
    }))
    return blendScales(reader, scales, width, height)
  })
  return reader.read(reader.mean(blended), wanted)
}

/** Reads the edges of scale 1. As upstream, edges of other scales are ignored. */
async function edgeReader<M>(
  engine: Engine<M, never>,
  views: readonly ViewRun<M>[],
  { width, height }: Size,
  wanted: Wanted,
  kind: 'logit' | 'probability',
): Promise<(image: number) => Partial<Pick<SegmentationMaps, 'edges' | 'edgeOutput'>>> {
  if (!wanted.edges && !wanted.edgeOutput) return () => ({})
  const maps = await Promise.all(
    mapsAtScale1(views, 'edge').map(async ({ map, mirrored }) => ({
      tensor: await engine.download(map),
      mirrored,
    })),
  )
  const readEdges =
    (image: number) =>
    <R extends RowSize>(reader: MapReader<R>) => {
      const rows = maps.map((map) =>
        reader.resize(reader.rows({ ...map, image, output: 'edge' }), width, height),
      )
      const mean = reader.mean(rows)
      return {
        ...(wanted.edges && { edges: reader.plane(mean, kind === 'logit') }),
        ...(wanted.edgeOutput && { edgeOutput: reader.plane(mean, false) }),
      }
    }
  return (image) => withReader(1, width, readEdges(image))
}

function downloadViews<M>(
  engine: Engine<M, never>,
  views: readonly ViewRun<M>[],
): Promise<ViewRun<Tensor>[]> {
  return Promise.all(
    views.map(async ({ outputs, ...view }) => {
      const names = ['logits', 'attention'].filter((name) => name in outputs)
      const maps = names.map(async (name) => {
        return [name, await engine.download(outputs[name])] as const
      })
      return { ...view, outputs: Object.fromEntries(await Promise.all(maps)) }
    }),
  )
}
