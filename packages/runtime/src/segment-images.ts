import { InverseFormError } from '@inverseform/errors'
import { type FeatureMap, featureMap } from './feature-map.js'
import { enlargedLabels, type Labels, readPlane, readRows } from './labels.js'
import { type Network, runNetwork, type TileOption } from './network.js'
import { normaliseImages } from './normalise.js'
import { mapRows, meanRows, resizeRows } from './rows.js'
import { blendScales, HMS_SCALES, orderedScales, type ScaleOutput } from './scales.js'
import type { RgbImage } from './tensor.js'

export type SegmentOutput = 'labels' | 'confidence' | 'logits' | 'edges'

export interface SegmentOptions {
  /** What to compute; only labels unless given. `edges` needs a model with its edge head. */
  readonly outputs?: readonly SegmentOutput[]
  /** Scales to run, 1.0 among them. Multi-scale models: 0.25, 0.5, 1 and 2 unless given; others: 1. */
  readonly scales?: readonly number[]
  /** Average with the mirrored image. */
  readonly flip?: boolean
  /** How to treat images that are too large for memory; `auto` unless given. */
  readonly tile?: TileOption
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: SegmentProgress) => void
}

/** As {@link SegmentOptions}; anything that can say that the caller has given up serves as the signal. */
export type SegmentImagesOptions = Omit<SegmentOptions, 'signal'> & {
  readonly signal?: Pick<AbortSignal, 'throwIfAborted'>
}

export interface SegmentProgress {
  /** Network runs done, and how many there will be at least (more when images are cut into tiles). */
  readonly done: number
  readonly total: number
}

/** What is known of one image, at its own size. */
export interface Segmentation {
  readonly width: number
  readonly height: number
  readonly classes: number
  /** Class index (train id) of each pixel, row by row. */
  readonly labels?: Labels
  /** Softmax probability of each pixel's class, in (0,1]. */
  readonly confidence?: Float32Array
  /** Class logits [classes, height, width]. */
  readonly logits?: Float32Array
  /** Probability in [0,1] that a pixel lies on a boundary. */
  readonly edges?: Float32Array
  /** How many tiles the image was cut into, at the scale where most were needed; 1: none. */
  readonly tiles: number
  /** Where the time went, in milliseconds, for the whole batch. */
  readonly timings: SegmentTimings
}

export interface SegmentTimings {
  /** Resizing and normalising. */
  readonly preprocess: number
  /** The network, all scales. */
  readonly network: number
  /** From small logits to what was asked for. */
  readonly postprocess: number
}

/** Segments images of one size in one batch. */
export async function segmentImages(
  network: Network,
  images: readonly RgbImage[],
  options: SegmentImagesOptions = {},
): Promise<Segmentation[]> {
  const { info } = network
  const wanted = wantedOutputs(network, options.outputs ?? ['labels'])
  const scales = orderedScales(options.scales ?? (info.multiScale ? HMS_SCALES : [1]))
  const mirrors = options.flip ? [false, true] : [false]
  const { width, height } = images[0]
  for (const image of images) requireSize(image, width, height)

  const clock = stopwatch()
  let [preprocess, running, done, tiles] = [0, 0, 0, 1]
  const total = scales.length * mirrors.length
  // views[mirror][image] holds the outputs of all scales
  const views: ScaleOutput[][][] = []
  for (const mirror of mirrors) {
    const view: ScaleOutput[][] = images.map(() => [])
    for (const scale of scales) {
      const scaledWidth = Math.max(info.minimumSize, Math.floor(width * scale))
      const scaledHeight = Math.max(info.minimumSize, Math.floor(height * scale))
      clock()
      const input = normaliseImages(images, scaledWidth, scaledHeight, mirror)
      preprocess += clock()
      const run = await runNetwork(network, input, options.tile ?? 'auto', () =>
        options.signal?.throwIfAborted(),
      )
      running += clock()
      tiles = Math.max(tiles, run.tiles)
      images.forEach((_, i) => {
        const maps = Object.entries(run.outputs).map(([name, tensor]) => [
          name,
          featureMap(tensor, i, mirror),
        ])
        const outputs = Object.fromEntries(maps) as Pick<ScaleOutput, 'logits' | 'attention' | 'edge'>
        view[i].push({ scale, width: scaledWidth, height: scaledHeight, ...outputs })
      })
      options.onProgress?.({ done: ++done, total })
    }
    views.push(view)
  }
  options.signal?.throwIfAborted()
  clock()
  const read = images.map((_, i) => readOutputs(views.map((view) => view[i])))
  const timings = { preprocess, network: running, postprocess: clock() }
  return read.map((outputs) => ({ width, height, classes: network.classes, ...outputs, tiles, timings }))

  function readOutputs(perView: ScaleOutput[][]) {
    const edges = wanted.edges && { edges: edgeProbabilities(perView) }
    const single = perView.length === 1 && perView[0].length === 1
    if (single && wanted.labels && !wanted.confidence && !wanted.logits) {
      return { labels: enlargedLabels(perView[0][0].logits, width, height), ...edges }
    }
    const logits = meanRows(perView.map((outputs) => blendScales(outputs, width, height)))
    return { ...readRows(logits, wanted), ...edges }
  }

  function edgeProbabilities(perView: ScaleOutput[][]): Float32Array {
    const maps = perView.map((outputs) => outputs.find(({ scale }) => scale === 1)?.edge as FeatureMap)
    const rows = meanRows(maps.map((map) => resizeRows(mapRows(map), width, height)))
    return readPlane(rows, info.edgeOutput === 'logit' ? (x) => 1 / (1 + Math.exp(-x)) : (x) => x)
  }
}

function wantedOutputs(network: Network, outputs: readonly SegmentOutput[]): Record<SegmentOutput, boolean> {
  const wanted = { labels: false, confidence: false, logits: false, edges: false }
  for (const output of outputs) {
    if (!Object.hasOwn(wanted, output)) {
      throw new InverseFormError('invalid-argument', `"${output}" is not an output`, {
        hint: `The outputs are ${Object.keys(wanted).join(', ')}.`,
      })
    }
    wanted[output] = true
  }
  if (wanted.edges && !network.graph.outputs.edge) {
    throw new InverseFormError('invalid-argument', 'edges were asked of a model without its edge head', {
      hint: 'Create the segmenter with `edge: true`; the checkpoint must have the edge head.',
    })
  }
  return wanted
}

function requireSize(image: RgbImage, width: number, height: number): void {
  if (image.width !== width || image.height !== height) {
    throw new InverseFormError(
      'size-mismatch',
      `a batch has images of ${width}x${height} and of ${image.width}x${image.height}`,
      { hint: 'Give images of one size in a batch.' },
    )
  }
  const whole = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0
  if (!whole || image.data.length !== width * height * 3) {
    throw new InverseFormError(
      'size-mismatch',
      `an RGB image of ${width}x${height} has ${image.data.length} bytes instead of ${width * height * 3}`,
      { hint: 'Give 3 bytes a pixel, row by row, without alpha or padding.' },
    )
  }
}

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
