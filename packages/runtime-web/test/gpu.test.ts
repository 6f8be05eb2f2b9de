import { normalizeImages } from '@inverseform/runtime'
import { readImage } from '@inverseform/runtime-node'
import { imageFixtures } from '@inverseform/testing'
import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from './support/browser.js'
import { pageOf } from './support/files.js'

describe.skipIf(!chromiumPath)('the steps around the network, on the GPU', () => {
  let site: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    site = await serve(new Map(await pageOf('gpu-page.ts')))
    browser = await launch({ webgpu: true })
    page = await openPage(browser, site.origin)
    expect(await page.evaluate(() => gpuHarness.hasGpu())).toBe(true)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })

  test.each([
    ['at its own size', { width: 61, height: 37, mirrored: false, tile: [0, 0, 61, 37] }],
    ['mirrored', { width: 61, height: 37, mirrored: true, tile: [0, 0, 61, 37] }],
    ['a part of it', { width: 61, height: 37, mirrored: false, tile: [20, 9, 32, 16] }],
    ['smaller and mirrored, a part', { width: 45, height: 18, mirrored: true, tile: [8, 4, 24, 12] }],
    ['larger', { width: 122, height: 111, mirrored: false, tile: [0, 0, 122, 111] }],
  ])(
    'computes the network’s input from an image: %s',
    async (_, { tile: [x, y, width, height], ...view }) => {
      const wanted = { ...view, tile: { x, y, width, height } }
      const differences = await page.evaluate((view) => gpuHarness.compareViews(61, 37, view), wanted)
      expect(Object.keys(differences)).toEqual(['rgb', 'imageData', 'bitmap'])
      for (const difference of Object.values(differences)) expect(difference).toBeLessThan(1e-5)
    },
  )

  test('accepts a bitmap that exceeds the size of textures', async () => {
    const width = 8200
    const view = { width: 4100, height: 3, mirrored: false, tile: { x: 0, y: 0, width: 4100, height: 3 } }
    const { bitmap } = await page.evaluate(([width, view]) => gpuHarness.compareViews(width, 3, view), [
      width,
      view,
    ] as const)
    expect(bitmap).toBeLessThan(1e-5)
  })

  test.each([1, 2, 3, 4, 5, 8])('labels of maps enlarged %i times equal the CPU’s', async (factor) => {
    for (const kind of ['random', 'smooth', 'tied'] as const) {
      const map = { width: 45, height: 23, numClasses: 19 }
      const whole = { width: 45 * factor, height: 23 * factor }
      const odd = { width: 45 * factor - (factor >> 1), height: 23 * factor + (factor > 1 ? 1 : 0) }
      const results = await page.evaluate(
        async ([kind, map, whole, odd]) => [
          await gpuHarness.compareLabels(kind, map, whole),
          await gpuHarness.compareLabels(kind, map, odd, true),
        ],
        [kind, map, whole, odd] as const,
      )
      for (const { differing, distinct } of results) {
        expect(differing, kind).toBeLessThanOrEqual(1e-4)
        expect(distinct, kind).toBeGreaterThan(5)
      }
    }
  })

  test('labels more classes than a byte can hold', async () => {
    const { differing, distinct, type } = await page.evaluate(() =>
      gpuHarness.compareLabels(
        'random',
        { width: 31, height: 17, numClasses: 300 },
        { width: 61, height: 33 },
      ),
    )
    expect(type).toBe('Uint16Array')
    expect(differing).toBeLessThanOrEqual(1e-3)
    expect(distinct).toBeGreaterThan(256)
  })

  const all = ['labels', 'confidence', 'edges'] as const
  test.each([
    ['plain', {}, 1],
    ['mirrored', { flip: true }, 1],
    ['in tiles', { tile: { width: 96, height: 64, overlap: 32 } }, 9],
    ['in tiles without overlap, mirrored', { tile: { width: 64, height: 64, overlap: 0 }, flip: true }, 6],
    ['at scales', { scales: [0.5, 1, 2], flip: true }, 1],
  ])('segments like the engine on arrays: %s', async (_, options, tiles) => {
    const result = await page.evaluate(
      (options) =>
        gpuHarness.compareSegmentations({ width: 173, height: 101, numClasses: 19, count: 2 }, options),
      { ...options, outputs: all },
    )
    expect(result.tiles).toEqual([tiles, tiles])
    expect(result.distinct).toBeGreaterThan(5)
    for (const { labels, confidence, edges } of result.differences) {
      expect(labels).toBeLessThanOrEqual(1e-4)
      expect(confidence).toBeLessThan(1e-4)
      expect(edges).toBeLessThan(1e-4)
    }
    expect(result.leaked).toBe(0)
  })

  test.each([
    ['gama-55556.png', 'ImageBitmap'],
    ['icc.jpg', 'ImageBitmap'],
    ['cmyk-black.jpg', 'ImageBitmap'],
    ['palette-trns.png', 'ImageBitmap'],
    ['transparent.gif', 'ImageBitmap'],
    ['rgba.png', 'Object'],
    ['lossless-alpha.webp', 'Object'],
  ])('reads the pixels of %s as Node does', async (name, form) => {
    const { bytes } = imageFixtures().find((fixture) => fixture.name === name)!
    const expected = normalizeImages([await readImage(new Uint8Array(bytes))]).data
    const found = await page.evaluate((bytes) => gpuHarness.viewOfFile(bytes), [...bytes])
    expect(found.form).toBe(form)
    expect(found.data).toHaveLength(expected.length)
    const largest = Math.max(...found.data.map((value, i) => Math.abs(value - expected[i])))
    // A step of 1 in 255 would be 0.017.
    expect(largest).toBeLessThan(1e-5)
  })

  test('frees everything when it is aborted', async () => {
    const result = await page.evaluate(() => gpuHarness.abortBetweenTiles())
    expect(result).toEqual({ reason: 'enough', runs: 11, leaked: 0 })
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'refuses maps with the value %d',
    async (value) => {
      const failures = await page.evaluate((value) => gpuHarness.notFinite(value), value)
      for (const failure of failures) {
        expect(failure).toMatchObject({
          code: 'inference-failed',
          message: "The network's output `logits` has NaN or infinite values for `images[1]`.",
        })
      }
      expect(failures).toHaveLength(3)
    },
  )

  test('reads back only the requested outputs', async () => {
    const bytes = await page.evaluate(async () => [
      await gpuHarness.bytesReadFor(2048, 1024, { labels: true, confidence: false }),
      await gpuHarness.bytesReadFor(512, 256, { labels: false, confidence: true }),
    ])
    // And a word that tells whether all logits are finite.
    expect(bytes).toEqual([1024 * 2048 + 4, 4 * 256 * 512 + 4])
  })

  test.each([
    ['plain', {}, 1],
    ['mirrored, in tiles', { flip: true, tile: { width: 96, height: 64, overlap: 32 } }, 9],
    ['at scales', { scales: [0.5, 1] }, 1],
  ])('paints like JavaScript: %s', async (_, options, tiles) => {
    const styles = [
      {},
      { opacity: 0, outlines: false },
      { outlines: { color: [10, 200, 90] as const, width: 2 } },
      { opacity: 1, edges: true, outlines: true },
      { opacity: 0.3, edges: { color: [250, 120, 3] as const, threshold: 0.7 } },
      { highlight: 7 },
    ]
    const result = await page.evaluate(
      ([options, styles]) => gpuHarness.comparePictures(173, 101, options, styles),
      [options, styles] as const,
    )
    for (const share of result.shares) expect(share).toBeLessThanOrEqual(1e-4)
    expect(result.onArrays).toBe(0)
    expect(result.labels).toBeLessThanOrEqual(1e-4)
    expect(result.edgeShare).toBeGreaterThan(0.001)
    expect(result.edgeShare).toBeLessThan(0.999)
    for (const colors of result.varied) expect(colors).toBeGreaterThan(5)
    expect(result).toMatchObject({ bytesRead: 0, leaked: 0, tiles })
  })

  test('paints images that exceed the size of canvases in JavaScript', async () => {
    const { largestTexture, ...picture } = await page.evaluate(() => gpuHarness.largePicture(8200))
    expect(largestTexture).toBeLessThan(8200)
    expect(picture).toEqual({ painted: 8200, labels: 4 * 8200 })
  })

  test('errors of the device reject the work under way, which leaves nothing behind', async () => {
    const { leaked, disposed, paintingAgain, ...failures } = await page.evaluate(() => gpuHarness.faults())
    for (const [name, failure] of Object.entries(failures)) {
      expect(failure, name).toMatchObject({
        code: 'inference-failed',
        message: expect.stringContaining('MapRead'),
      })
    }
    expect(Object.keys(failures)).toEqual(['making', 'painting', 'running'])
    expect({ leaked, disposed, paintingAgain }).toEqual({ leaked: 0, disposed: 2, paintingAgain: {} })
  })

  test('explains errors of the device, and does not wait for a lost one', async () => {
    const { tooLarge, unrepresentable, fault, recovered, lost, afterwards } = await page.evaluate(() =>
      gpuHarness.failures(),
    )
    expect(tooLarge).toMatchObject({
      code: 'out-of-memory',
      message: expect.stringMatching(/allows \d+ MiB/),
    })
    expect(unrepresentable).toMatchObject({ code: 'limit-exceeded', hint: expect.stringContaining('wasm') })
    expect(fault).toMatchObject({ code: 'inference-failed', message: expect.stringContaining('MapRead') })
    expect(recovered).toEqual({})
    expect(lost).toMatchObject({
      code: 'inference-failed',
      message: expect.stringContaining('lost'),
      hint: expect.stringContaining('another segmenter'),
    })
    expect(afterwards).toEqual(lost)
  })
})
