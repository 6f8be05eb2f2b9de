import { tensorBatch } from '../engine/array-engine.js'
import type { Tensor } from '../engine/backend.js'
import type { Engine, ImageBatch, ViewMap } from '../engine/engine.js'
import type { Network } from '../engine/network.js'
import { enlargedLabels, type Readout, readPlane, readRows } from '../maps/labels.js'
import { mirrorTensor } from '../maps/resize-tensor.js'
import { featureMap, mapRows, meanRows, resizeRows } from '../maps/rows.js'
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
  return (image) => {
    const sides = [false, true].map((side) => downloaded.filter(({ mirrored }) => mirrored === side))
    const outputs = sides
      .filter((side) => side.length > 0)
      .map((side) => side.map((view) => scaleOutput(view, image)))
    const [[first]] = outputs
    if (downloaded.length === 1 && !confidence && !logits) {
      return { labels: enlargedLabels(first.logits, width, height) }
    }
    return readRows(meanRows(outputs.map((scales) => blendScales(scales, width, height))), wanted)
  }
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
  const maps = await Promise.all(mapsAtScale1(views, 'edge').map((map) => downloadUpright(engine, map)))
  return (image) => {
    const rows = maps.map((map) => resizeRows(mapRows(featureMap(map, image, 'edge')), width, height))
    const read = (map: (value: number) => number) => readPlane(meanRows(rows), map)
    return {
      ...(wanted.edges && { edges: read(kind === 'logit' ? sigmoid : same) }),
      ...(wanted.edgeOutput && { edgeOutput: read(same) }),
    }
  }
}

async function downloadUpright<M>(engine: Engine<M, never>, { map, mirrored }: ViewMap<M>): Promise<Tensor> {
  const tensor = await engine.download(map)
  return mirrored ? mirrorTensor(tensor) : tensor
}

function downloadViews<M>(
  engine: Engine<M, never>,
  views: readonly ViewRun<M>[],
): Promise<ViewRun<Tensor>[]> {
  return Promise.all(
    views.map(async ({ outputs, ...view }) => {
      const names = ['logits', 'attention'].filter((name) => name in outputs)
      const maps = names.map(async (name) => {
        return [name, await downloadUpright(engine, { map: outputs[name], mirrored: view.mirrored })] as const
      })
      return { ...view, outputs: Object.fromEntries(await Promise.all(maps)) }
    }),
  )
}

function scaleOutput(
  { outputs: { logits, attention }, scale, width, height }: ViewRun<Tensor>,
  image: number,
) {
  return {
    scale,
    width,
    height,
    logits: featureMap(logits, image, 'logits'),
    attention: attention && featureMap(attention, image, 'attention'),
  }
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const same = (x: number): number => x
