import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, launch, openPage } from './support/browser.js'
import { DEMO_CHECKPOINT, pageOf, project } from './support/files.js'
import { serve } from './support/server.js'

describe.skipIf(!chromiumPath)('images and checkpoints on their way to the worker and back', () => {
  let site: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    site = await serve(
      new Map<string, Uint8Array | string>([
        ...(await pageOf('sources-page.ts')),
        ['/models/demo.pth', project(DEMO_CHECKPOINT)],
      ]),
    )
    browser = await launch()
    page = await openPage(browser, site.origin)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })

  test.each([
    [66_000, 1],
    [1, 66_000],
    [5000, 4100],
  ])('the pixels of a bitmap of %ix%i are read, beyond the size of canvases', async (width, height) => {
    const differing = await page.evaluate(
      async ([width, height]) => {
        const given = new ImageData(width, height)
        for (let i = 0; i < given.data.length; i++)
          given.data[i] = i % 4 === 3 ? 255 * Number(i % 11 > 0) : i % 251
        const { data } = await sources.rgbOf(await createImageBitmap(given))
        let differing = 0
        for (let pixel = 0; pixel < width * height; pixel++) {
          const opaque = given.data[4 * pixel + 3] === 255
          for (let c = 0; c < 3; c++) {
            if (data[3 * pixel + c] !== (opaque ? given.data[4 * pixel + c] : 0)) differing++
          }
        }
        return differing
      },
      [width, height] as const,
    )
    expect(differing).toBe(0)
  })

  test('pixels in other colours, or in float16, become bytes of sRGB', async () => {
    const found = await page.evaluate(async () => {
      const wide = new ImageData(4, 1, { colorSpace: 'display-p3' })
      wide.data.set([200, 40, 90, 255, 0, 128, 0, 255, 10, 20, 230, 255, 77, 77, 77, 255])
      const context = new OffscreenCanvas(4, 1).getContext('2d', { willReadFrequently: true })!
      context.putImageData(wide, 0, 0)
      const expected = context.getImageData(0, 0, 4, 1).data.filter((_, i) => i % 4 < 3)
      const found = [{ expected: Array.from(expected), data: Array.from((await sources.rgbOf(wide)).data) }]
      const half = new ImageData(2, 1, { pixelFormat: 'rgba-float16' } as ImageDataSettings)
      if (half.data instanceof Uint8ClampedArray) return found
      const values = [0.2, 0.4, 0.6, 1, 1, 0, 0.8, 1]
      ;(half.data as Float32Array).set(values)
      const bytes = values.filter((_, i) => i % 4 < 3).map((value) => Math.round(255 * value))
      return [...found, { expected: bytes, data: Array.from((await sources.rgbOf(half)).data) }]
    })
    for (const { data, expected } of found) {
      expect(data).toHaveLength(expected.length)
      for (const [i, value] of expected.entries()) expect(Math.abs(data[i] - value)).toBeLessThanOrEqual(1)
    }
  })

  test('bitmaps that were made for the worker are closed when it does not get them', async () => {
    const open = await page.evaluate(async () => {
      const segmenter = await sources.demoSegmenter()
      const made: ImageBitmap[] = []
      const { structuredClone } = globalThis
      globalThis.structuredClone = (...of) => {
        const clone = structuredClone(...of)
        if (clone instanceof ImageBitmap) made.push(clone)
        return clone
      }
      const aborted = new AbortController()
      const drawn = new OffscreenCanvas(8, 8)
      drawn.getContext('2d')
      const work = [
        segmenter.segmentBatch([drawn, 7 as unknown as string, drawn]),
        segmenter.segment(drawn, { signal: aborted.signal }),
      ]
      aborted.abort('enough')
      await Promise.allSettled(work)
      await segmenter.segment(new ImageData(8, 8))
      globalThis.structuredClone = structuredClone
      return { made: made.length, open: made.filter(({ width }) => width > 0).length }
    })
    expect(open).toEqual({ made: 3, open: 0 })
  })

  test('bytes of a checkpoint are sent without what is around them, and stay the caller’s', async () => {
    const found = await page.evaluate(async () => {
      const around = new TextEncoder().encode('Around it: no checkpoint at all')
      const part = around.subarray(11)
      const sent: [bytes: number, afterwards: number][] = []
      const { postMessage } = Worker.prototype
      Worker.prototype.postMessage = function (message, ...transfer: unknown[]) {
        const { buffer } = message.settings.source as Uint8Array
        const bytes = buffer.byteLength
        postMessage.apply(this, [message, ...transfer] as never)
        sent.push([bytes, buffer.byteLength])
      }
      const codes = []
      for (const source of [part, part.slice().buffer]) {
        codes.push((await sources.failureOf(() => sources.createSegmenter({ source }))).code)
      }
      Worker.prototype.postMessage = postMessage
      return { sent, codes, left: new TextDecoder().decode(part) }
    })
    expect(found).toEqual({
      sent: [
        [20, 0],
        [20, 0],
      ],
      codes: ['invalid-checkpoint', 'invalid-checkpoint'],
      left: 'no checkpoint at all',
    })
  })

  test('a picture covers a canvas whatever its context is set to, and leaves it so', async () => {
    const found = await page.evaluate(async () => {
      const segmenter = await sources.demoSegmenter()
      const image = new ImageData(24, 16)
      for (let i = 0; i < image.data.length; i++) image.data[i] = i % 4 === 3 ? 255 : (7 * i) % 256
      const picture = await segmenter.createPicture(image)
      const canvas = new OffscreenCanvas(24, 16)
      const context = canvas.getContext('2d', { willReadFrequently: true })!
      context.fillRect(0, 0, 24, 16)
      context.scale(0.5, 0.5)
      Object.assign(context, { globalAlpha: 0.5, globalCompositeOperation: 'destination-over' })
      await picture.paint(canvas, { opacity: 0 })
      picture.dispose()
      const { a, e } = context.getTransform()
      return {
        same: context.getImageData(0, 0, 24, 16).data.every((value, i) => value === image.data[i]),
        state: [a, e, context.globalAlpha, context.globalCompositeOperation],
      }
    })
    expect(found).toEqual({ same: true, state: [0.5, 0, 0.5, 'destination-over'] })
  })
})
