import { InverseFormError } from '@inverseform/errors'
import { featureMap } from './feature-map.js'
import { enlargedLabels, readPlane, readRows } from './labels.js'
import { type Network, runNetwork } from './network.js'
import { countRuns, planScales } from './plan.js'
import { mirrorTensor, resizeTensor } from './resize-tensor.js'
import { mapRows, meanRows, resizeRows } from './rows.js'
import { blendScales, type ScaleOutput } from './scales.js'
import type { Segmentation, SegmentImagesOptions, SegmentOutput } from './segmentation.js'
import type { Tensor } from './tensor.js'

/** What the network gave for a batch at one scale, upright. */
interface ScaleRun {
  readonly scale: number
  readonly width: number
  readonly height: number
  readonly outputs: Readonly<Record<string, Tensor>>
}

/** Segments a batch of images that are normalised already, [N,3,H,W]: what `segmentImages` does after `normaliseImages`. */
export async function segmentTensor(
  network: Network,
  images: Tensor,
  options: SegmentImagesOptions = {},
): Promise<Segmentation[]> {
  const { info, graph, classes } = network
  const wanted = wantedOutputs(options.outputs ?? ['labels'], 'edge' in graph.outputs)
  const [count, , height, width] = images.shape
  const plan = planScales(network, count, width, height, options)
  const total = countRuns(plan, options.flip)
  const clock = stopwatch()
  let [preprocess, running, done] = [0, 0, 0]
  const events = {
    before: () => options.signal?.throwIfAborted(),
    after: () => options.onProgress?.({ done: ++done, total }),
  }

  async function runScales(mirror: boolean): Promise<ScaleRun[]> {
    const runs: ScaleRun[] = []
    const source = mirror ? mirrorTensor(images) : images
    for (const { scale, width, height, tiles } of plan) {
      const input = resizeTensor(source, width, height)
      preprocess += clock()
      const outputs = await runNetwork(network, input, tiles, events)
      const upright = Object.entries(outputs).map(([name, map]) => [name, mirror ? mirrorTensor(map) : map])
      runs.push({ scale, width, height, outputs: Object.fromEntries(upright) })
      running += clock()
    }
    return runs
  }
  const views = [await runScales(false)]
  if (options.flip) views.push(await runScales(true))

  options.signal?.throwIfAborted()
  clock()
  const read = Array.from({ length: count }, (_, image) => ({
    ...readClasses(image),
    ...(wanted.edges && { edges: readEdges(image, info.edgeOutput === 'logit' ? sigmoid : same) }),
    ...(wanted.edgeOutput && { edgeOutput: readEdges(image, same) }),
  }))
  const timings = { preprocess, network: running, postprocess: clock() }
  const tiles = Math.max(...plan.map((scale) => scale.tiles.length))
  return read.map((outputs) => ({ width, height, classes, ...outputs, tiles, timings }))

  function readClasses(image: number) {
    if (!wanted.labels && !wanted.confidence && !wanted.logits) return {}
    const outputs = views.map((runs) => runs.map((run) => scaleOutput(run, image)))
    const single = outputs.length === 1 && outputs[0].length === 1
    if (single && !wanted.confidence && !wanted.logits) {
      return { labels: enlargedLabels(outputs[0][0].logits, width, height) }
    }
    return readRows(meanRows(outputs.map((scales) => blendScales(scales, width, height))), wanted)
  }

  /** The edges of scale 1: as upstream, the other scales' do not count. */
  function readEdges(image: number, map: (value: number) => number): Float32Array {
    const maps = views.flatMap((runs) =>
      runs.filter(({ scale }) => scale === 1).map((run) => run.outputs.edge),
    )
    const rows = meanRows(maps.map((map) => resizeRows(mapRows(featureMap(map, image)), width, height)))
    return readPlane(rows, map)
  }
}

function scaleOutput({ outputs: { logits, attention }, ...size }: ScaleRun, image: number): ScaleOutput {
  return {
    ...size,
    logits: featureMap(logits, image),
    attention: attention && featureMap(attention, image),
  }
}

function wantedOutputs(outputs: readonly SegmentOutput[], hasEdge: boolean): Record<SegmentOutput, boolean> {
  const wanted = { labels: false, confidence: false, logits: false, edges: false, edgeOutput: false }
  for (const output of outputs) {
    if (!Object.hasOwn(wanted, output)) {
      throw new InverseFormError('invalid-argument', `The output "${output}" was asked for.`, {
        hint: `The outputs are ${Object.keys(wanted).join(', ')}.`,
      })
    }
    wanted[output] = true
  }
  if ((wanted.edges || wanted.edgeOutput) && !hasEdge) {
    throw new InverseFormError('invalid-argument', 'Edges were asked of a model without its edge head.', {
      hint: 'Create the segmenter with `edge: true`; the checkpoint must have the edge head.',
    })
  }
  return wanted
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const same = (x: number): number => x

/** Milliseconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now()
  return () => {
    const now = performance.now()
    const elapsed = now - last
    last = now
    return elapsed
  }
}
