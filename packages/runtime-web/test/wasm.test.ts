import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { palette } from '@inverseform/cityscapes'
import { createSegmenter as createNodeSegmenter, readImage, writeOverlay } from '@inverseform/runtime-node'
import { relativeError } from '@inverseform/testing'
import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from './support/browser.js'
import { DEMO_CHECKPOINT, DEMO_IMAGE, siteFiles } from './support/files.js'
import { expectGoldens } from './support/goldens.js'

const project = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

type Site = Awaited<ReturnType<typeof serve>>
let site: Site
let isolatedSite: Site
beforeAll(async () => {
  if (!chromiumPath) return
  const files = await siteFiles()
  site = await serve(files)
  isolatedSite = await serve(files, { isolated: true })
})
afterAll(async () => {
  await site?.[Symbol.asyncDispose]()
  await isolatedSite?.[Symbol.asyncDispose]()
})

describe.skipIf(!chromiumPath)('on WebAssembly', () => {
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    browser = await launch()
    page = await openPage(browser, isolatedSite.origin)
  })
  afterAll(() => browser?.close())

  test.each(['hrnet16-slim', 'hrnet18'] as const)(
    'gives the published outputs of %s, on threads',
    async (model) => {
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
      expect(await expectGoldens(page, model, 'wasm', 1e-4)).toBe(0)
    },
  )

  test('labels an image as Node does, and reports what it loaded on which device', async () => {
    await using node = await createNodeSegmenter({ checkpoint: project(DEMO_CHECKPOINT), device: 'cpu' })
    const expected = await node.segment(project(DEMO_IMAGE))
    const { segmentation, about, progress, done } = await page.evaluate(async () => {
      const progress: { stage: string; loaded?: number; total?: number }[] = []
      const done: number[] = []
      const segmenter = await harness.createSegmenter({
        checkpoint: 'models/demo.pth',
        onProgress: (step) => progress.push(step),
      })
      const segmentation = await segmenter.segment('street.png', {
        onProgress: (progress) => done.push(progress.done / progress.total),
      })
      const { model, numClasses, edgeHead, device, attempts, report } = segmenter
      await segmenter.dispose()
      const about = { model, numClasses, edgeHead, device, attempts, missing: report.missing }
      return { segmentation: harness.plain(segmentation), about, progress, done }
    })
    expect(segmentation).toMatchObject({ width: 512, height: 256, numClasses: 19, tiles: 1 })
    expect(Uint8Array.from(segmentation.labels as number[])).toEqual(expected.labels)
    expect(about).toMatchObject({
      model: 'hrnet16-slim',
      numClasses: 19,
      edgeHead: false,
      device: 'wasm',
      missing: [],
    })
    expect(about.attempts).toMatchObject([
      { device: 'webgpu', outcome: 'unavailable', reason: expect.stringMatching(/^[A-Z].*\.$/) },
      { device: 'wasm', outcome: 'used', reason: expect.stringContaining('threads') },
    ])
    const downloads = progress.filter(({ stage }) => stage === 'download')
    expect(downloads.at(-1)?.loaded).toBe(downloads.at(-1)?.total)
    expect(downloads.at(-1)?.loaded).toBeGreaterThan(13_000_000)
    expect(progress.at(-1)).toEqual({ stage: 'compile', device: 'wasm' })
    expect(done).toEqual([1])
  })

  test('paints an image as Node writes it, up to one step', async () => {
    await using node = await createNodeSegmenter({
      checkpoint: project(DEMO_CHECKPOINT),
      device: 'cpu',
      edgeHead: true,
    })
    const segmentation = await node.segment(project(DEMO_IMAGE), { outputs: ['labels', 'edges'] })
    const styles = [{}, { edges: { threshold: 0.9 } }, { highlight: 13, colors: palette }] as const
    const painted = await page.evaluate(async (styles) => {
      const segmenter = await harness.createSegmenter({
        checkpoint: 'models/demo.pth',
        edgeHead: true,
        device: 'wasm',
      })
      const picture = await segmenter.createPicture('street.png')
      const canvas = document.createElement('canvas')
      const pixels: string[] = []
      for (const style of styles) {
        await picture.paint(canvas, style)
        // A text is sent much faster than numbers.
        pixels.push(
          harness
            .pixelsOf(canvas)
            .map((byte) => String.fromCharCode(byte))
            .join(''),
        )
      }
      await segmenter.dispose()
      return pixels
    }, styles)
    const folder = await mkdtemp(join(tmpdir(), 'overlay-'))
    try {
      for (const [i, style] of styles.entries()) {
        const file = join(folder, `${i}.png`)
        await writeOverlay(file, project(DEMO_IMAGE), segmentation, style)
        const { data } = await readImage(file)
        const pixels = Buffer.from(painted[i], 'latin1')
        expect(pixels).toHaveLength((data.length / 3) * 4)
        const off = data.filter((value, j) => Math.abs(value - pixels[Math.floor(j / 3) * 4 + (j % 3)]) > 1)
        // Rounding may move a probability over the threshold.
        expect(off.length).toBeLessThanOrEqual(style === styles[1] ? 6 : 0)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  test('gives the outputs of Node at several scales and mirrored', async () => {
    const [width, height] = [61, 45]
    const data = Array.from({ length: width * height * 3 }, (_, i) => 128 + 100 * Math.sin(i / 90) + (i % 27))
    const image = { data: Uint8Array.from(data), width, height }
    const options = {
      outputs: ['labels', 'confidence', 'logits', 'edges', 'edgeOutput'],
      scales: [0.5, 1, 2],
      flip: true,
    } as const
    await using node = await createNodeSegmenter({
      checkpoint: project(DEMO_CHECKPOINT),
      device: 'cpu',
      edgeHead: true,
    })
    const expected = await node.segment(image, options)
    const actual = await page.evaluate(
      async ({ data, width, height, options }) => {
        const segmenter = await harness.createSegmenter({
          checkpoint: '/models/demo.pth',
          edgeHead: true,
          device: 'wasm',
        })
        const [, result] = await segmenter.segmentImages(
          [
            { data: new Uint8Array(3), width: 1, height: 1 },
            { data: Uint8Array.from(data), width, height },
          ],
          options,
        )
        await segmenter.dispose()
        return harness.plain(result)
      },
      { data: Array.from(image.data), width, height, options },
    )
    for (const output of ['confidence', 'logits', 'edges', 'edgeOutput'] as const) {
      expect(actual[output]).toHaveLength(expected[output]?.length as number)
      expect(relativeError(actual[output] as number[], expected[output] as Float32Array)).toBeLessThan(1e-4)
    }
    const differing = expected.labels?.filter((label, i) => label !== actual.labels?.[i]).length
    expect(differing).toBeLessThan((width * height) / 1000)
  })

  test('accepts a URL, bytes and a File as the checkpoint, and every form of image', async () => {
    const labels = await page.evaluate(async () => {
      const url = new URL('/models/demo.pth', location.href)
      const bytes = await (await fetch(url)).arrayBuffer()
      const file = new File([bytes], 'demo.pth')
      const image = await (await fetch('/street.png')).blob()
      const bitmap = await createImageBitmap(image, 300, 100, 96, 64)
      const canvas = document.createElement('canvas')
      const offscreen = new OffscreenCanvas(96, 64)
      Object.assign(canvas, { width: 96, height: 64 })
      const context = canvas.getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D
      context.drawImage(bitmap, 0, 0)
      offscreen.getContext('2d')?.drawImage(bitmap, 0, 0)
      const imageData = context.getImageData(0, 0, 96, 64)
      const blob = await offscreen.convertToBlob()
      const img = new Image()
      img.src = URL.createObjectURL(blob)
      await img.decode()
      const frame = new VideoFrame(bitmap, { timestamp: 0 })
      const pixels = new Uint8Array(100 + 96 * 64 * 3).subarray(100)
      pixels.set(imageData.data.filter((_, i) => i % 4 !== 3))
      const inputs = {
        bitmap,
        canvas,
        offscreen,
        imageData,
        blob,
        file: new File([blob], 'a.png'),
        bytes: new Uint8Array(await blob.arrayBuffer()),
        img,
        frame,
        url: img.src,
        pixels: { data: pixels, width: 96, height: 64 },
      }
      const results: Record<string, number[] | undefined> = {}
      for (const checkpoint of [url, new Uint8Array(bytes), file]) {
        const wasmPaths =
          checkpoint === file ? { wasm: '/ort/ort-wasm-simd-threaded.asyncify.wasm' } : undefined
        const segmenter = await harness.createSegmenter({ checkpoint, device: 'wasm', wasmPaths })
        const of = checkpoint.constructor.name
        results[of] = harness.plain(await segmenter.segment(bitmap)).labels
        if (checkpoint === file) {
          const all = await segmenter.segmentImages(Object.values(inputs))
          for (const [i, name] of Object.keys(inputs).entries()) results[name] = harness.plain(all[i]).labels
        }
        await segmenter.dispose()
      }
      frame.close()
      bitmap.close()
      return results
    })
    expect(Object.keys(labels)).toHaveLength(14)
    expect(new Set(labels.URL).size).toBeGreaterThan(2)
    for (const [name, found] of Object.entries(labels)) expect(found, name).toEqual(labels.URL)
  })

  test('can be aborted during download and inference; dispose() ends the worker', async () => {
    // Workers of other tests may still be ending.
    let [opened, closed] = [0, 0]
    page.on('worker', (worker) => {
      opened++
      worker.on('close', () => closed++)
    })
    const outcome = await page.evaluate(async () => {
      const failureOf = (work: Promise<unknown>) =>
        work.then(
          () => 'no failure',
          (error) => error,
        )
      const reason = new Error('enough')
      const loading = new AbortController()
      const slow = harness.createSegmenter({
        checkpoint: '/slow/models/demo.pth',
        signal: loading.signal,
        onProgress: () => loading.abort(reason),
      })
      const abortedLoad = (await failureOf(slow)) === reason

      const segmenter = await harness.createSegmenter({ checkpoint: '/models/demo.pth', device: 'wasm' })
      const running = new AbortController()
      const runs: number[] = []
      const tiled = segmenter.segment('/street.png', {
        tile: { width: 256, height: 256, overlap: 64 },
        signal: running.signal,
        onProgress: ({ done }) => {
          runs.push(done)
          running.abort(reason)
        },
      })
      const abortedRun = (await failureOf(tiled)) === reason
      const next = await segmenter.segment(new ImageData(64, 64))
      const underWay = segmenter.segment(new ImageData(64, 32))
      await Promise.all([segmenter.dispose(), segmenter.dispose()])
      const { labels } = await underWay
      const afterwards = await failureOf(segmenter.segment(new ImageData(64, 64)))
      return {
        abortedLoad,
        abortedRun,
        runs,
        next: next.labels.length,
        underWay: labels.length,
        afterwards: afterwards.code,
      }
    })
    expect(outcome).toEqual({
      abortedLoad: true,
      abortedRun: true,
      runs: [1],
      next: 64 * 64,
      underWay: 64 * 32,
      afterwards: 'disposed',
    })
    expect(opened).toBeGreaterThan(1)
    await expect.poll(() => closed, { timeout: 60_000 }).toBe(opened)
  })

  test('explains errors', async () => {
    const errors = await page.evaluate(async () => {
      const { createSegmenter } = harness
      const checkpoint = '/models/demo.pth'
      const segmenter = await createSegmenter({ checkpoint, device: 'wasm' })
      const closed = await createImageBitmap(new ImageData(2, 2))
      closed.close()
      const gone = new Uint8Array(3)
      structuredClone(gone.buffer, { transfer: [gone.buffer] })
      const pixels = (data: unknown) => segmenter.segment({ data: data as Uint8Array, width: 1, height: 1 })
      const long = 'A'.repeat(100_000)
      const failures: Record<string, () => Promise<unknown>> = {
        'invalid-argument bytes elsewhere': () => createSegmenter({ checkpoint: gone }),
        'invalid-argument buffer elsewhere': () => createSegmenter({ checkpoint: gone.buffer }),
        'invalid-argument headers': () => createSegmenter({ checkpoint, headers: { 'no name': '1' } }),
        'invalid-checkpoint data': () =>
          createSegmenter({ checkpoint: `data:text/plain,${long}`, device: 'wasm' }),
        'runtime-unavailable other origin': () =>
          createSegmenter({
            checkpoint,
            worker: () => new Worker('https://elsewhere.test/worker.js'),
          }),
        'unreadable data': () => segmenter.segment(`data:image/png;base64,${long}`),
        'unreadable closed': () => segmenter.segment(closed),
        'size-mismatch pixels elsewhere': () => pixels(gone),
        'invalid-argument pixels in [0,1]': () => pixels(new Float32Array(3)),
        'invalid-argument pixels in a list': () => pixels([1, 2, 3]),
        'invalid-argument object': () => segmenter.segment(Object.create(null)),
        'not-found checkpoint': () => createSegmenter({ checkpoint: '/models/none.pth' }),
        'invalid-checkpoint text': () => createSegmenter({ checkpoint: '/models/text.pth' }),
        'checkpoint-mismatch model': () => createSegmenter({ checkpoint, model: 'hrnet18' }),
        'invalid-argument checkpoint': () => createSegmenter({ checkpoint: undefined as unknown as string }),
        'invalid-argument url': () => createSegmenter({ checkpoint: 'http://' }),
        'invalid-argument threads': () => createSegmenter({ checkpoint, threads: -1 }),
        'runtime-unavailable device': () => createSegmenter({ checkpoint, device: 'cpu' as 'wasm' }),
        'runtime-unavailable webgpu': () => createSegmenter({ checkpoint, device: 'webgpu' }),
        'runtime-unavailable files': () => createSegmenter({ checkpoint, wasmPaths: '/nowhere' }),
        'runtime-unavailable worker': () =>
          createSegmenter({
            checkpoint,
            worker: () => new Worker('/nowhere.js', { type: 'module' }),
          }),
        'not-found image': () => segmenter.segment('/none.png'),
        'unreadable image': () => segmenter.segment('/models/text.pth'),
        'unreadable canvas': () => segmenter.segment(new OffscreenCanvas(0, 0)),
        'invalid-argument image': () => segmenter.segment(7 as unknown as string),
        'size-mismatch pixels': () => segmenter.segment({ data: new Uint8Array(5), width: 2, height: 1 }),
        'invalid-argument edges': () => segmenter.segment(new ImageData(8, 8), { outputs: ['edges'] }),
      }
      const found: Record<string, { code: string; message: string; hint?: string }> = {}
      for (const [name, fail] of Object.entries(failures)) {
        found[name] = await fail().then(
          () => ({ code: 'none', message: '' }),
          ({ code, message, hint, stack }) => ({ code, message: code ? message : stack, hint }),
        )
      }
      await segmenter.dispose()
      return found
    })
    for (const [name, error] of Object.entries(errors)) {
      expect(error, name).toEqual({
        code: name.split(' ')[0],
        message: expect.stringMatching(/^\S.*\.$/),
        // A hint says what to do, or the message itself says what the argument accepts.
        hint:
          /^`.+` must be .+, got .+\.$/.test(error.message) && !error.hint
            ? undefined
            : expect.stringMatching(/^[A-Z].*\.$/),
      })
    }
    for (const { message } of Object.values(errors)) expect(message.length).toBeLessThan(500)
    expect(errors['not-found checkpoint'].message).toContain('/models/none.pth')
  })
})

test.skipIf(!chromiumPath)(
  'runs on one thread if the page is not isolated, and sends no request to another server',
  async () => {
    const browser = await launch()
    try {
      const page = await openPage(browser, site.origin)
      const origins = new Set<string>()
      page.on('request', (request) => origins.add(new URL(request.url()).origin))
      const { attempts, labels } = await page.evaluate(async () => {
        const segmenter = await harness.createSegmenter({ checkpoint: '/models/demo.pth', wasmPaths: '/ort' })
        const { labels } = await segmenter.segment(new ImageData(64, 32))
        await segmenter.dispose()
        return { attempts: segmenter.attempts, labels: labels.length }
      })
      expect(labels).toBe(64 * 32)
      expect(attempts.at(-1)).toMatchObject({
        device: 'wasm',
        reason: expect.stringContaining('one thread'),
      })
      expect(site.requested.filter((url) => url.includes('ort-wasm'))).toEqual([
        '/ort/ort-wasm-simd-threaded.asyncify.mjs',
        '/ort/ort-wasm-simd-threaded.asyncify.wasm',
      ])
      expect([...origins]).toEqual([site.origin])
    } finally {
      await browser.close()
    }
  },
)
