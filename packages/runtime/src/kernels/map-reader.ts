import { notFinite } from '../maps/finite.js'
import { interpolation } from '../maps/interpolation.js'
import type { MapReader, MapSource } from '../maps/map-reader.js'
import { computedRows, type RowSize } from '../maps/rows.js'
import type { Kernels } from './kernels.js'
import { type PlanarRows, planarRows, resizePlanar, rowStride } from './planar-rows.js'
import { allocateSpans } from './spans.js'

/** The most classes that fit the bytes of labels. */
export const MOST_CLASSES = 256

/** Returns a reader whose rows live until the kernels' job ends. */
export function kernelReader(kernels: Kernels): MapReader<PlanarRows> {
  const { run } = kernels
  const computed = (size: RowSize, compute: (y: number, into: number) => void) =>
    planarRows(kernels, size, compute)

  /** @param check values of the whole map now, or of rows when they are copied */
  function rowsOf(source: MapSource, check: 'whole' | 'rows'): PlanarRows {
    const { tensor, image, mirrored } = source
    const [, channels, height, width] = tensor.shape
    const stride = rowStride(width)
    if (check === 'whole') checkMap(source)
    return computed({ width, height, channels }, (y, into) => {
      const first = image * channels * height + y
      for (let c = 0; c < channels; c++) {
        const from = (first + c * height) * width
        kernels.floats.set(tensor.data.subarray(from, from + width), (into + c * stride) / 4)
        if (mirrored) run.reverse(into + c * stride, width)
      }
      if (check === 'rows' && !run.finite(into, stride, channels, width)) throw findNotFinite(source)
    })
  }

  /** @throws `inference-failed` */
  function checkMap(source: MapSource): void {
    const values = valuesOf(source)
    const chunk = kernels.allocate(4 * CHUNK)
    for (let i = 0; i < values.length; i += CHUNK) {
      const part = values.subarray(i, i + CHUNK)
      kernels.floats.set(part, chunk / 4)
      if (!run.finite(chunk, 0, 1, part.length)) throw findNotFinite(source)
    }
  }

  return {
    rows: (source) => rowsOf(source, 'whole'),
    resize: (rows, width, height) => resizePlanar(kernels, rows, width, height),

    gate(gate, values) {
      const stride = rowStride(values.width)
      return computed(values, (y, into) =>
        run.gate(gate.row(y), values.row(y), into, stride, values.channels, 4 * values.width),
      )
    },

    blend(gated, gate, rest) {
      const stride = rowStride(gated.width)
      return computed(gated, (y, into) =>
        run.blend(gated.row(y), gate.row(y), rest.row(y), into, stride, gated.channels, 4 * gated.width),
      )
    },

    mean(sources) {
      if (sources.length === 1) return sources[0]
      const bytes = rowStride(sources[0].width) * sources[0].channels
      return computed(sources[0], (y, into) => {
        kernels.bytes.fill(0, into, into + bytes)
        for (const source of sources) run.addShare(source.row(y), into, bytes, sources.length)
      })
    },

    read(rows, wanted) {
      const { width, height, channels } = rows
      const pixels = width * height
      const stride = rowStride(width)
      const labels = new Uint8Array(wanted.labels ? pixels : 0)
      const confidence = new Float32Array(wanted.confidence ? pixels : 0)
      const logits = new Float32Array(wanted.logits ? pixels * channels : 0)
      const line = kernels.allocate(4 * width)
      for (let y = 0; y < height; y++) {
        const row = rows.row(y)
        if (wanted.labels) {
          run.argmax(row, stride, channels, width, line)
          labels.set(kernels.bytes.subarray(line, line + width), y * width)
        }
        if (wanted.confidence) {
          run.confidence(row, stride, channels, width, line)
          confidence.set(kernels.floats.subarray(line / 4, line / 4 + width), y * width)
        }
        if (wanted.logits) {
          for (let c = 0; c < channels; c++) {
            const from = (row + c * stride) / 4
            logits.set(kernels.floats.subarray(from, from + width), c * pixels + y * width)
          }
        }
      }
      return {
        ...(wanted.labels && { labels }),
        ...(wanted.confidence && { confidence }),
        ...(wanted.logits && { logits }),
      }
    },

    plane(rows, sigmoid) {
      const { width, height } = rows
      const plane = new Float32Array(width * height)
      const line = kernels.allocate(4 * width)
      for (let y = 0; y < height; y++) {
        // The sigmoid replaces values, which the row must keep for the next one.
        kernels.bytes.copyWithin(line, rows.row(y), rows.row(y) + 4 * width)
        if (sigmoid) run.sigmoid(line, 4 * width)
        plane.set(kernels.floats.subarray(line / 4, line / 4 + width), y * width)
      }
      return plane
    },

    labels(source, width, height) {
      // An enlargement reads every row.
      const map = rowsOf(source, height >= source.tensor.shape[2] ? 'rows' : 'whole')
      const { channels } = map
      const stride = rowStride(map.width)
      const labels = new Uint8Array(width * height)
      const vertical = interpolation(map.height, height)
      const { start, end: spansEnd, rests, weights } = allocateSpans(kernels, map.width, width)
      const mixed = kernels.allocate(spansEnd - start)
      const labelRows = [kernels.allocate(map.width), kernels.allocate(map.width)]
      const small = computedRows(map, labelRows, (y, into) =>
        run.argmax(map.row(y), stride, channels, map.width, into),
      )
      const rowWeights = kernels.allocate(2 * BLOCK * 4)
      const agreed = kernels.allocate(width)
      const block = kernels.allocate(BLOCK * width)
      for (let y = 0; y < height; ) {
        const [lower, upper] = [vertical.lower[y], vertical.upper[y]]
        const [top, bottom] = [map.row(lower), map.row(upper)]
        const mixedEnd = run.fillAgreeing(small.row(lower), small.row(upper), start, spansEnd, agreed, mixed)
        while (y < height && vertical.lower[y] === lower) {
          let count = 0
          for (; count < BLOCK && vertical.lower[y + count] === lower; count++) {
            kernels.bytes.copyWithin(block + count * width, agreed, agreed + width)
            kernels.floats[rowWeights / 4 + count] = vertical.rest[y + count]
            kernels.floats[rowWeights / 4 + BLOCK + count] = vertical.weight[y + count]
          }
          if (mixedEnd > mixed) {
            run.labelSpans(
              top,
              bottom,
              stride,
              channels,
              mixed,
              mixedEnd,
              rests,
              weights,
              rowWeights,
              block,
              width,
            )
          }
          labels.set(kernels.bytes.subarray(block, block + count * width), y * width)
          y += count
        }
      }
      return labels
    },
  }
}

/** Values that are checked together; they stay in the cache. */
const CHUNK = 2 ** 14

/** Rows for which labels are computed together. */
const BLOCK = 4

function valuesOf({ tensor: { data, shape }, image }: MapSource): Float32Array {
  const [, channels, height, width] = shape
  const size = channels * height * width
  return data.subarray(image * size, (image + 1) * size)
}

function findNotFinite(source: MapSource) {
  const value = valuesOf(source).find((each) => !Number.isFinite(each))
  return notFinite(source.output, source.image, value)
}
