import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from './support/browser.js'
import { DEMO_CHECKPOINT, pageOf, project } from './support/files.js'

describe.skipIf(!chromiumPath)('images and checkpoints on the way to the worker', () => {
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
  ])('reads the pixels of a %ix%i bitmap, which exceeds the size of canvases', async (width, height) => {
    const differing = await page.evaluate(
      async ([width, height]) => {
        const given = new ImageData(width, height)
        for (let i = 0; i < given.data.length; i++) {
          given.data[i] = i % 4 === 3 ? 255 * Number(i % 11 > 0) : i % 251
        }
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

  test('converts other color spaces and float16 pixels to bytes of sRGB', async () => {
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

  test('closes bitmaps that were made for the worker but not sent', async () => {
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
        segmenter.segmentImages([drawn, 7 as unknown as string, drawn]),
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

  test('sends only the bytes of a checkpoint, not their whole buffer, and leaves the caller’s intact', async () => {
    const found = await page.evaluate(async () => {
      const around = new TextEncoder().encode('Around it: no checkpoint at all')
      const part = around.subarray(11)
      const sent: [bytes: number, afterwards: number][] = []
      const { postMessage } = Worker.prototype
      Worker.prototype.postMessage = function (message, ...transfer: unknown[]) {
        const { buffer } = message.settings.checkpoint as Uint8Array
        const bytes = buffer.byteLength
        postMessage.apply(this, [message, ...transfer] as never)
        sent.push([bytes, buffer.byteLength])
      }
      const codes = []
      for (const checkpoint of [part, part.slice().buffer]) {
        codes.push((await sources.failureOf(() => sources.createSegmenter({ checkpoint }))).code)
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

  test('images and options that are not valid do not reach the worker', async () => {
    const messages = await page.evaluate(async () => {
      const segmenter = await sources.demoSegmenter()
      const image = new ImageData(8, 8)
      const pixels = (data: ArrayLike<number>) => ({ data: data as Uint8Array, width: 2, height: 1 })
      const calls: (() => Promise<unknown>)[] = [
        () => segmenter.segment(pixels(new Float32Array(6))),
        () => segmenter.segment(pixels(new Uint16Array(6))),
        () => segmenter.segment(pixels(new Uint8Array(8))),
        () => segmenter.segment({ ...pixels(new Uint8Array(6)), width: 1.5 }),
        () => segmenter.segment(new Float32Array(6) as unknown as Uint8Array),
        () => segmenter.segmentImages(image as unknown as ImageData[]),
        () => segmenter.segment(image, { outputs: ['truth' as 'labels'] }),
        () => segmenter.segment(image, { flip: 'yes' as unknown as boolean }),
        () => segmenter.createPicture(image, { edges: 1 as unknown as boolean }),
      ]
      const messages = []
      for (const call of calls) messages.push((await sources.failureOf(call)).message)
      return messages
    })
    expect(messages).toEqual([
      '`data` must be a Uint8Array or a Uint8ClampedArray, got Float32Array of 6 elements.',
      '`data` must be a Uint8Array or a Uint8ClampedArray, got Uint16Array of 6 elements.',
      '`data` must have 6 elements, 3 bytes for each of 2x1 pixels, got 8.',
      '`width` must be an integer of at least 1, got 1.5.',
      '`image` must be an image, got Float32Array.',
      '`images` must be an array of images, got an object of type ImageData.',
      `\`outputs[0]\` must be one of 'labels', 'confidence', 'logits', 'edges' or 'edgeOutput', got "truth".`,
      '`flip` must be true or false, got "yes".',
      '`edges` must be true or false, got 1.',
    ])
  })

  test('a picture covers a canvas whatever the state of its context, and keeps that state', async () => {
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
      await picture.paint(canvas, { opacity: 0, outlines: false })
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
