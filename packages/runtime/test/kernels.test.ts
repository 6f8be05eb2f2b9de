import { readFile } from 'node:fs/promises'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { relativeError } from '@inverseform/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { binaryFiles, kernelsModule } from '../../../tools/scripts/build-kernels.mjs'
import { normalizeImages, type RgbImage, tensorBatch } from '../src/index.js'
import { Kernels, withKernels } from '../src/kernels/kernels.js'
import { kernelReader } from '../src/kernels/map-reader.js'
import { kernelView, releaseView } from '../src/kernels/views.js'
import { withReader } from '../src/kernels/with-reader.js'
import { arrayReader, type MapReader, type MapSource } from '../src/maps/map-reader.js'
import type { RowSize } from '../src/maps/rows.js'
import { blendScales } from '../src/segment/scales.js'
import { mapKinds, mapOfKind, planesOf } from './support/maps.js'
import { valuesOf } from './support/naive.js'

const random = seededRandom(31)
const integer = (least: number, most: number) => randomInteger(random, least, most)
const pick = <T>(values: readonly T[]): T => values[integer(0, values.length - 1)]

/** Returns a map of one image in a batch of two. */
function randomSource(width: number, height: number, channels: number, kind = pick(mapKinds)): MapSource {
  const planes = () =>
    planesOf(mapOfKind(kind, random, width, height, channels)).flatMap((plane) => [...valuesOf(plane)])
  const data = Float32Array.from([...planes(), ...planes()])
  return {
    tensor: { data, shape: [2, channels, height, width] },
    image: integer(0, 1),
    output: 'logits',
    mirrored: integer(0, 1) === 1,
  }
}

const randomGate = (width: number, height: number): MapSource => {
  const source = randomSource(width, height, 1, 'random')
  return { ...source, tensor: { ...source.tensor, data: source.tensor.data.map((x) => x / 8 + 0.5) } }
}

/** Returns the results of kernels and of the TypeScript form. */
function both<T>(read: <R extends RowSize>(reader: MapReader<R>) => T): [kernels: T, twin: T] {
  const kernels = new Kernels()
  return [read(kernelReader(kernels)), read(arrayReader)]
}

test('the binary is what its source compiles to', async () => {
  expect(await readFile(binaryFiles.runtime, 'utf8')).toBe(await kernelsModule('runtime'))
}, 60_000)

test('readers use kernels, unless there are more classes than bytes hold or rows are too long', () => {
  expect(withReader(256, 2048, (reader) => reader as unknown)).not.toBe(arrayReader)
  expect(withReader(257, 2048, (reader) => reader as unknown)).toBe(arrayReader)
  expect(withReader(19, 2 ** 20, (reader) => reader as unknown)).toBe(arrayReader)
})

test('a memory that grew large is given up after its job', () => {
  const inTypeScript = () => expect.unreachable()
  const use = (bytes: number) =>
    withKernels(
      0,
      (kernels) => {
        kernels.allocate(bytes)
        return kernels
      },
      inTypeScript,
    )
  const kernels = use(100)
  expect(use(2 ** 20)).toBe(kernels)
  expect(kernels.bytes.length).toBeLessThan(2 ** 21)
  expect(use(2 ** 27)).toBe(kernels)
  expect(use(100)).not.toBe(kernels)
})

describe('kernels give the results of the TypeScript form', () => {
  test.each([1, 2, 19, 150, 256])('labels of %i classes', (channels) => {
    for (let round = 0; round < (channels > 100 ? 4 : 25); round++) {
      const source = randomSource(integer(1, 40), integer(1, 12), channels)
      const [height, width] = pick([
        [integer(1, 60), integer(1, 150)],
        source.tensor.shape.slice(2),
        source.tensor.shape.slice(2).map((side) => 4 * side),
        source.tensor.shape.slice(2).map((side) => 8 * side - 3),
      ])
      const [labels, twin] = both((reader) => reader.labels(source, width, height))
      expect(labels).toEqual(twin)
    }
  })

  test('labels, confidence and logits of rows', () => {
    for (let round = 0; round < 25; round++) {
      const source = randomSource(integer(1, 30), integer(1, 12), pick([1, 2, 19, 33]))
      const [width, height] = [integer(1, 90), integer(1, 40)]
      const wanted = { labels: true, confidence: true, logits: true }
      const [found, twin] = both((reader) =>
        reader.read(reader.resize(reader.rows(source), width, height), wanted),
      )
      expect(found.labels).toEqual(twin.labels)
      expect(found.logits).toEqual(twin.logits)
      expect(relativeError(found.confidence!, twin.confidence!)).toBeLessThan(1e-6)
    }
  })

  test('only what is wanted', () => {
    const source = randomSource(5, 4, 3)
    const [found] = both((reader) => reader.read(reader.rows(source), { confidence: true, labels: false }))
    expect(Object.keys(found)).toEqual(['confidence'])
  })

  test('scales that attention blends, plain and mirrored', () => {
    for (let round = 0; round < 12; round++) {
      const [width, height, channels] = [integer(12, 60), integer(12, 40), pick([1, 3, 19])]
      const scales = pick([[1], [2, 1], [1, 0.5], [2, 1, 0.5, 0.25], [2, 1.5, 1, 0.75]])
      const side = () =>
        scales.map((scale) => {
          const size = { width: Math.floor(width * scale), height: Math.floor(height * scale) }
          const map = [Math.ceil(size.width / 4), Math.ceil(size.height / 4)] as const
          return { scale, ...size, logits: randomSource(...map, channels), attention: randomGate(...map) }
        })
      const sides = pick([[side()], [side(), side()]])
      const hasAttention = integer(0, 2) > 0
      const [found, twin] = both((reader) => {
        const blended = sides.map((outputs) => {
          const rows = outputs.map(({ logits, attention, ...scale }) => ({
            ...scale,
            logits: reader.rows(logits),
            ...(hasAttention && { attention: reader.rows(attention) }),
          }))
          return blendScales(reader, rows, width, height)
        })
        return reader.read(reader.mean(blended), { labels: true, logits: true })
      })
      expect(found).toEqual(twin)
    }
  })

  test('planes and their sigmoid', () => {
    for (let round = 0; round < 20; round++) {
      const source = randomSource(integer(1, 30), integer(1, 12), 1)
      const factor = pick([1, 10, 1000])
      for (const [i, x] of source.tensor.data.entries()) source.tensor.data[i] = factor * x
      const [width, height] = [integer(1, 90), integer(1, 40)]
      const [found, twin] = both((reader) => {
        const rows = reader.resize(reader.rows(source), width, height)
        return [reader.plane(rows, true), reader.plane(rows, false)]
      })
      expect(found[1]).toEqual(twin[1])
      found[0].forEach((x, i) => {
        expect(Math.abs(x - twin[0][i])).toBeLessThan(3e-7)
      })
    }
  })
})

describe('views of images', () => {
  const randomImage = (width: number, height: number): RgbImage => ({
    width,
    height,
    data: Uint8Array.from({ length: 3 * width * height }, () => integer(0, 255)),
  })

  test('are those of the TypeScript form: resized, mirrored and cropped', () => {
    for (let round = 0; round < 60; round++) {
      const [width, height] = [integer(1, 50), integer(1, 20)]
      const images = [randomImage(width, height), randomImage(width, height)].slice(integer(0, 1))
      const [viewWidth, viewHeight] = pick([
        [width, height],
        [2 * width, 2 * height],
        [width, integer(1, 40)],
        [integer(1, 90), integer(1, 40)],
      ])
      const [x, y] = [integer(0, viewWidth - 1), integer(0, viewHeight - 1)]
      const tile = pick([
        { x: 0, y: 0, width: viewWidth, height: viewHeight },
        { x, y, width: integer(1, viewWidth - x), height: integer(1, viewHeight - y) },
      ])
      const view = { width: viewWidth, height: viewHeight, mirrored: integer(0, 1) === 1, tile }
      const found = kernelView(new Kernels(), images, view)
      expect(found).toEqual(tensorBatch(normalizeImages(images)).view(view))
      releaseView(found)
    }
  })

  test('use the buffer of a view that was released, and no other', () => {
    const image = randomImage(8, 4)
    const viewOf = (width: number) =>
      kernelView(new Kernels(), [image], {
        width,
        height: 4,
        mirrored: false,
        tile: { x: 0, y: 0, width, height: 4 },
      })
    const [first, second] = [viewOf(8), viewOf(8)]
    expect(second.data).not.toBe(first.data)
    releaseView(first)
    releaseView(first)
    const third = viewOf(8)
    expect(third.data).toBe(first.data)
    expect(viewOf(8).data).not.toBe(first.data)
    expect(third).toEqual(second)
    const own = { data: new Float32Array(3 * 8 * 4), shape: [1, 3, 4, 8] }
    releaseView(own)
    expect(viewOf(8).data).not.toBe(own.data)
    releaseView(third)
    expect(viewOf(9).data).toHaveLength(3 * 9 * 4)
  })
})

describe('kernels refuse', () => {
  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('%d anywhere', (value) => {
    for (let round = 0; round < 30; round++) {
      const [width, height, channels] = [integer(1, 23), integer(1, 12), pick([1, 2, 19])]
      const source = { ...randomSource(width, height, channels, 'random'), image: 1 }
      const size = width * height * channels
      source.tensor.data[size + integer(0, size - 1)] = value
      // Larger, equal and smaller: a reduction does not use all rows.
      const factor = pick([4, 1, 0.2])
      const enlarged = [Math.ceil(factor * width), Math.ceil(factor * height)] as const
      const reader = kernelReader(new Kernels())
      const error = expect.objectContaining({
        code: 'inference-failed',
        message: `The network's output \`logits\` has the value ${value} for \`images[1]\`.`,
      })
      expect(() => reader.labels(source, ...enlarged)).toThrow(error)
      expect(() => reader.read(reader.resize(reader.rows(source), ...enlarged), { labels: true })).toThrow(
        error,
      )
      expect(reader.labels({ ...source, image: 0 }, ...enlarged)).toHaveLength(enlarged[0] * enlarged[1])
    }
  })
})

describe('the TypeScript form runs', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.resetModules()
  })

  test.each([
    ['without WebAssembly', undefined],
    [
      'where a policy forbids it',
      {
        Module: class {
          constructor() {
            throw new WebAssembly.CompileError('blocked by CSP')
          }
        },
      },
    ],
  ])('%s', async (_, replaced) => {
    vi.resetModules()
    vi.stubGlobal('WebAssembly', replaced)
    const fresh = await import('../src/kernels/with-reader.js')
    const { arrayReader } = await import('../src/maps/map-reader.js')
    for (const _time of ['first', 'second']) {
      expect(fresh.withReader(19, 100, (reader) => reader as unknown)).toBe(arrayReader)
    }
  })
})
