import { availableParallelism } from 'node:os'
import {
  type ActivationScale,
  evaluateShape,
  type Graph,
  graphInputs,
  quantizedMaps,
  type Value,
} from '@inverseform/backbones/graph'
import { checkArgument, InverseFormError } from '@inverseform/errors'
import { normalizeImages, type RgbImage } from '@inverseform/runtime'
import { product } from '@inverseform/shared'
import { type ImageInput, openImage } from './images.js'
import { onnxBackend } from './onnx/backend.js'
import { ValueRange } from './onnx/value-range.js'

export interface CalibrateOptions {
  /** Threads of the CPU; by default all. */
  readonly threads?: number
  readonly signal?: AbortSignal
}

/** Images whose maps are measured. More images hardly change the scales. */
const MOST_IMAGES = 32
/** The largest part of an image. Maps of two megapixels would take gigabytes and minutes. */
const [MOST_ROWS, MOST_COLUMNS] = [512, 1024]
/** Bytes of maps that one session returns. */
const MOST_BYTES = 2 ** 28

/**
 * Measures the maps of a network on images, on the CPU, and returns the scale of each of `quantizedMaps(graph)`. Of more than
 * 32 images, 32 are used, evenly spread. Of an image larger than 512x1024, one part of that size is used: the corners and
 * the middle take turns. A map's scale leaves out 1 in 10,000 of its values, the largest ones.
 *
 * @throws InverseFormError `invalid-argument` without images; what `readImage` throws; `inference-failed`; the signal's reason
 */
export async function calibrate(
  graph: Graph,
  images: readonly ImageInput[],
  { threads = availableParallelism(), signal }: CalibrateOptions = {},
): Promise<ActivationScale[]> {
  checkArgument('images', images, Array.isArray(images) && images.length > 0, 'at least one image')
  const parts: RgbImage[] = []
  for (const [i, image] of evenlySpread(images).entries()) {
    signal?.throwIfAborted()
    parts.push(partOf(await openImage(image, { name: `images[${i}]` }), i))
  }
  const maps = quantizedMaps(graph)
  const ranges = maps.map(() => new ValueRange())
  const backend = await onnxBackend('cpu', threads)
  const [{ attributes }] = graphInputs(graph)
  for (const batch of batchesOf(maps)) {
    const outputs = Object.fromEntries(batch.map((index) => [`map${index}`, maps[index]]))
    const session = await backend.createSession({ outputs })
    try {
      for (const part of parts) {
        signal?.throwIfAborted()
        const results = await session.run({ [attributes.name]: normalizeImages([part]) })
        for (const index of batch) {
          const range = ranges[index]
          range.add(results[`map${index}`].data)
          if (!range.isFinite) throw notFinite(index)
        }
      }
    } finally {
      await session.dispose()
    }
  }
  return ranges.map((range) => range.scale())
}

function notFinite(index: number): InverseFormError {
  return new InverseFormError(
    'inference-failed',
    'The network computes values that are not finite, so that its maps have no scale.',
    { hint: 'Check the weights: such a network is unusable in float32, too.', details: { map: index } },
  )
}

function evenlySpread<T>(items: readonly T[]): T[] {
  const count = Math.min(items.length, MOST_IMAGES)
  return Array.from({ length: count }, (_, i) => items[Math.floor((i * items.length) / count)])
}

/** Where the parts of successive images are, from 0 (top, left) to 1. */
const places = [
  [0, 0],
  [1, 1],
  [0.5, 0.5],
  [1, 0],
  [0, 1],
] as const

function partOf({ data, width, height }: RgbImage, index: number): RgbImage {
  const [rows, columns] = [Math.min(height, MOST_ROWS), Math.min(width, MOST_COLUMNS)]
  if (rows === height && columns === width) return { data, width, height }
  const [down, right] = places[index % places.length]
  const [top, left] = [Math.floor(down * (height - rows)), Math.floor(right * (width - columns))]
  const part = new Uint8Array(3 * rows * columns)
  for (let row = 0; row < rows; row++) {
    const from = 3 * ((top + row) * width + left)
    part.set(data.subarray(from, from + 3 * columns), 3 * row * columns)
  }
  return { data: part, width: columns, height: rows }
}

/** Divides maps into groups that fit into memory for the largest part, and returns their indices. */
function batchesOf(maps: readonly Value[]): number[][] {
  const batches: number[][] = []
  let bytes = Number.POSITIVE_INFINITY
  maps.forEach(({ shape }, index) => {
    const size = 4 * product(evaluateShape(shape, { N: 1, H: MOST_ROWS, W: MOST_COLUMNS }))
    if (bytes + size > MOST_BYTES) {
      batches.push([])
      bytes = 0
    }
    batches[batches.length - 1].push(index)
    bytes += size
  })
  return batches
}
