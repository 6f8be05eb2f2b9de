import { relativeError } from '@inverseform/testing'
import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from './support/browser.js'
import { siteFiles } from './support/files.js'
import { expectGoldens } from './support/goldens.js'

describe.skipIf(!chromiumPath)('on WebGPU', () => {
  let site: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    site = await serve(await siteFiles())
    browser = await launch({ webgpu: true })
    page = await openPage(browser, site.origin)
    expect(await page.evaluate(async () => Boolean(await navigator.gpu.requestAdapter()))).toBe(true)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })

  test.each(['hrnet16-slim', 'hrnet18'] as const)(
    'gives the published outputs of %s, on the GPU',
    async (model) => {
      expect(await expectGoldens(page, model, 'webgpu', 1e-3)).toBeGreaterThan(100)
    },
  )

  test('reads back only the labels of an image', async () => {
    const result = await page.evaluate(() => harness.labelOnGpu('/models/demo.pth', '/street.png', 256, 128))
    expect(result).toMatchObject({ bytesRead: 256 * 128 + 4, leaked: 0 })
    expect(result.differing).toBeLessThanOrEqual(1e-4)
    expect(result.distinct).toBeGreaterThan(5)
  })

  test('runs in the worker if chosen; auto skips a software GPU; both paint the same on canvases', async () => {
    const { gpu, wasm, canvases } = await page.evaluate(async () => {
      const blob = await (await fetch('/street.png')).blob()
      // The size of the trial run: on a software GPU, compiling shaders takes most of the time.
      const source = await createImageBitmap(blob, { resizeWidth: 61, resizeHeight: 37 })
      const opaque = new OffscreenCanvas(61, 37)
      opaque.getContext('2d', { willReadFrequently: true })!.drawImage(source, 0, 0)
      const fresh = document.createElement('canvas')
      const drawn = new OffscreenCanvas(7, 7)
      drawn.getContext('2d', { willReadFrequently: true })
      const canvases: Record<string, number[]> = {}

      const run = async (device: 'webgpu' | 'auto', name: string) => {
        const segmenter = await harness.createSegmenter({
          checkpoint: '/models/demo.pth',
          edgeHead: true,
          device,
        })
        const outputs = ['labels', 'confidence', 'edges', 'logits'] as const
        const result = harness.plain(await segmenter.segment(opaque, { outputs }))
        const picture = await segmenter.createPicture(opaque)
        const labels = Array.from(await picture.labels())
        await picture.paint(fresh, { edges: { threshold: 0.4 } })
        canvases[`${name} fresh`] = harness.pixelsOf(fresh)
        await picture.paint(drawn, { edges: { threshold: 0.4 } })
        canvases[`${name} drawn`] = harness.pixelsOf(drawn)
        picture.dispose()
        const disposed = await picture.paint(fresh).catch(({ code }) => code)
        const aborted = new AbortController()
        const reason = await segmenter
          .segment(opaque, {
            signal: aborted.signal,
            flip: true,
            onProgress: () => aborted.abort('enough'),
          })
          .catch((reason) => reason)
        const { labels: after } = await segmenter.segment(opaque)
        await segmenter.dispose()
        const { device: used, precision, attempts } = segmenter
        const same = labels.every((label, i) => label === after![i])
        return { device: used, precision, attempts, result, same, disposed, reason }
      }
      const gpu = await run('webgpu', 'gpu')
      const wasm = await run('auto', 'wasm')
      return { gpu, wasm, canvases }
    })
    expect(gpu.device).toBe('webgpu')
    expect(gpu.attempts).toMatchObject([
      { device: 'webgpu', precision: 'float32', outcome: 'used', reason: expect.stringContaining('agrees') },
    ])
    expect(gpu.attempts[0].disagreement).toBeLessThan(1e-3)
    expect(wasm.attempts).toMatchObject([
      { device: 'webgpu', outcome: 'refused' },
      { device: 'wasm', outcome: 'used' },
    ])
    for (const { precision, same, disposed, reason } of [gpu, wasm]) {
      expect({ precision, same, disposed, reason }).toEqual({
        precision: 'float32',
        same: true,
        disposed: 'disposed',
        reason: 'enough',
      })
    }
    for (const output of ['logits', 'confidence', 'edges'] as const) {
      expect(relativeError(gpu.result[output]!, wasm.result[output]!)).toBeLessThan(1e-3)
    }
    const differing = gpu.result.labels!.filter((label, i) => label !== wasm.result.labels![i]).length
    expect(differing).toBeLessThanOrEqual((61 * 37) / 1000)

    expect(canvases['gpu fresh']).toHaveLength(4 * 61 * 37)
    expect(canvases['gpu drawn']).toEqual(canvases['gpu fresh'])
    expect(canvases['wasm drawn']).toEqual(canvases['wasm fresh'])
    const off = canvases['gpu fresh'].filter(
      (value, i) => Math.abs(value - canvases['wasm fresh'][i]) > 1,
    ).length
    expect(off / canvases['gpu fresh'].length).toBeLessThanOrEqual(1e-3)
  })

  test('pictures explain errors', async () => {
    const errors = await page.evaluate(async () => {
      const segmenter = await harness.createSegmenter({ checkpoint: '/models/demo.pth', device: 'wasm' })
      const image = new ImageData(40, 24)
      const picture = await segmenter.createPicture(image)
      const occupied = new OffscreenCanvas(1, 1)
      occupied.getContext('webgl')
      const canvas = new OffscreenCanvas(1, 1)
      const transferred = document.createElement('canvas')
      transferred.transferControlToOffscreen()
      const failing: Record<string, () => Promise<unknown>> = {
        'no edge head': () => segmenter.createPicture(image, { edges: true }),
        'no edges': () => picture.paint(canvas, { edges: true }),
        opacity: () => picture.paint(canvas, { opacity: 2 }),
        canvas: () => picture.paint(occupied),
        'transferred canvas': () => picture.paint(transferred),
        'no canvas': () => picture.paint(null as unknown as OffscreenCanvas),
        tile: () => segmenter.createPicture(image, { tile: { width: 1, height: 1, overlap: 1 } }),
        float16: () => harness.createSegmenter({ checkpoint: '/', device: 'wasm', precision: 'float16' }),
        'float16 of a GPU': () =>
          harness.createSegmenter({ checkpoint: '/models/demo.pth', device: 'webgpu', precision: 'float16' }),
        selfCheck: () => harness.createSegmenter({ checkpoint: '/', selfCheck: 'never' as 'skip' }),
      }
      const found: Record<string, unknown> = {}
      for (const [name, fail] of Object.entries(failing)) {
        found[name] = await fail().then(
          () => 'no error',
          ({ code, hint }) => [code, typeof hint],
        )
      }
      found.untouched = [occupied.width, occupied.height]
      await segmenter.dispose()
      found.ended = await picture.labels().catch(({ code }) => code)
      picture.dispose()
      return found
    })
    const wrong = ['invalid-argument', 'string']
    // The message lists the accepted values, so a hint is not needed.
    const explained = ['invalid-argument', 'undefined']
    expect(errors).toEqual({
      'no edge head': wrong,
      'no edges': wrong,
      opacity: explained,
      canvas: wrong,
      'transferred canvas': wrong,
      'no canvas': wrong,
      untouched: [1, 1],
      tile: explained,
      float16: wrong,
      'float16 of a GPU': ['runtime-unavailable', 'string'],
      selfCheck: explained,
      ended: 'disposed',
    })
  })

  test('keeps the verdicts of self-checks', async () => {
    const found = await page.evaluate(async () => {
      const { find, keep } = harness.cachedVerdicts
      await keep('a GPU & its driver', 0.0005)
      return [await find('a GPU & its driver'), await find('a GPU')]
    })
    expect(found).toEqual([0.0005, undefined])
  })
})
