import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { bytesSource, loadModel, memorySink, openCheckpoint } from '@inverseform/backbones'
import { encodeOnnx, onnxMetadata } from '@inverseform/backbones/onnx'
import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPage } from './support/browser.js'
import { serveCheckpoint } from './support/checkpoint-server.js'
import { DEMO_CHECKPOINT, pageOf } from './support/files.js'

const project = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url))
const street = readFileSync(new URL('fixtures/street.png', import.meta.url))
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

/** Headers that let another origin read the file and see its validators. */
const shared = { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'authorization' }
const dated = { ...shared, 'Last-Modified': 'Mon, 02 Jun 2025 10:00:00 GMT' }
const tagged = { ...shared, ETag: '"one"', 'Access-Control-Expose-Headers': 'ETag' }

describe.skipIf(!chromiumPath)('checkpoints and images from URLs', () => {
  let site: Awaited<ReturnType<typeof serve>>
  let other: Awaited<ReturnType<typeof serveCheckpoint>>
  let browser: Browser
  let page: Page
  const load = (options?: Parameters<typeof sources.load>[1]) =>
    page.evaluate(([url, options]) => sources.load(url, options), [other.url, options] as const)
  const loadFailure = (options?: Parameters<typeof sources.load>[1]) =>
    page.evaluate(([url, options]) => sources.failureOf(() => sources.load(url, options)), [
      other.url,
      options,
    ] as const)
  const listed = () => page.evaluate(() => sources.listCachedCheckpoints())

  beforeAll(async () => {
    const files = new Map<string, Uint8Array | string>([
      ...(await pageOf('sources-page.ts')),
      ['/models/demo.pth', project(DEMO_CHECKPOINT)],
      ['/street.png', street],
    ])
    site = await serve(files)
    // On a host other than localhost, http pages are not secure.
    browser = await launch({ args: ['--host-resolver-rules=MAP insecure.test localhost'] })
    page = await openPage(browser, site.origin)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })
  beforeEach(async () => {
    other = await serveCheckpoint()
  })
  afterEach(async () => {
    await page.evaluate(() => sources.clearCachedCheckpoints())
    await other[Symbol.asyncDispose]()
  })

  describe('the cache', () => {
    test.each([
      ['an ETag', tagged],
      ['a date', dated],
    ])('stores a checkpoint and validates it with the server, by %s', async (_, headers) => {
      Object.assign(other.answer, { body: 'weights', headers })
      const hash = sha256('weights')
      expect(await load()).toEqual({
        text: 'weights',
        origin: { bytes: 7, sha256: hash, from: 'network', notCached: undefined },
        stages: ['download'],
        last: { stage: 'download', loaded: 7, total: undefined },
      })
      expect(other.requests()).toEqual(['GET'])
      expect(await load()).toEqual({
        text: 'weights',
        origin: { bytes: 7, sha256: hash, from: 'cache' },
        stages: ['cache'],
        last: { stage: 'cache', loaded: 7, total: 7 },
      })
      expect(other.requests()).toEqual(['HEAD'])
      const [entry, ...more] = await listed()
      expect(more).toEqual([])
      expect(entry).toEqual({ url: other.url, sha256: hash, bytes: 7, storedAt: expect.any(Date) })
      expect(Math.abs(entry.storedAt.getTime() - Date.now())).toBeLessThan(3_600_000)
    })

    test.each([
      ['another ETag', tagged, { ...tagged, ETag: '"two"' }],
      ['another date', dated, { ...dated, 'Last-Modified': 'Mon, 02 Jun 2025 10:00:01 GMT' }],
      ['another length', { ...dated, 'Content-Length': '3' }, { ...dated, 'Content-Length': '4' }],
      ['only a length', { ...shared, 'Content-Length': '3' }, { ...shared, 'Content-Length': '3' }],
      ['no validator', dated, shared],
    ])('is replaced when the server sends %s', async (_, before, after) => {
      Object.assign(other.answer, { body: 'old', headers: before })
      await load()
      const body =
        after === shared || !('Content-Length' in after)
          ? 'newer'
          : 'newer'.slice(0, Number(after['Content-Length']))
      Object.assign(other.answer, { body, headers: after })
      other.requests()
      expect(await load()).toMatchObject({ text: body, origin: { from: 'network', sha256: sha256(body) } })
      expect(other.requests()).toEqual(['HEAD', 'GET'])
      expect(await listed()).toMatchObject([{ sha256: sha256(body), bytes: body.length }])
    })

    test('is used without a request if the SHA-256 matches; another file is an error and not stored', async () => {
      Object.assign(other.answer, { body: 'weights', headers: tagged })
      const wrong = sha256('other weights')
      expect(await loadFailure({ sha256: wrong })).toEqual({
        code: 'invalid-checkpoint',
        message: expect.stringMatching(new RegExp(`${other.url}.*${sha256('weights')}.*${wrong}`)),
        hint: expect.stringMatching(/^[A-Z].*\.$/),
      })
      expect(await listed()).toEqual([])
      await load({ sha256: sha256('weights').toUpperCase() })
      other.requests()
      expect((await load({ sha256: sha256('weights') })).origin.from).toBe('cache')
      expect(other.requests()).toEqual([])
      expect((await loadFailure({ sha256: wrong })).code).toBe('invalid-checkpoint')
      expect(other.requests()).toEqual(['GET'])
      expect(await listed()).toMatchObject([{ sha256: sha256('weights') }])
      expect((await loadFailure({ sha256: 'abc' })).code).toBe('invalid-argument')
    })

    test('is used when the server is unavailable, but not for files that were removed', async () => {
      Object.assign(other.answer, { body: 'weights', headers: tagged })
      await load()
      Object.assign(other.answer, { status: 503 })
      expect((await load()).origin.from).toBe('cache')
      Object.assign(other.answer, { status: 404 })
      expect((await loadFailure()).code).toBe('not-found')
      Object.assign(other.answer, { status: 200, headStatus: 405 })
      expect((await load()).origin.from).toBe('network')
      await other.stop()
      expect(await load()).toMatchObject({ text: 'weights', origin: { from: 'cache' } })
    })

    test('does not store files that are not checkpoints, and is skipped if the browser cannot read it', async () => {
      Object.assign(other.answer, { body: '<!doctype html><title>No such page</title>', headers: tagged })
      const failure = await page.evaluate(
        (url) => sources.failureOf(() => sources.createSegmenter({ checkpoint: url, device: 'wasm' })),
        other.url,
      )
      expect(failure).toMatchObject({ code: 'invalid-checkpoint', message: expect.stringContaining('HTML') })
      expect(await listed()).toEqual([])
      Object.assign(other.answer, { body: 'weights' })
      await load()
      const loaded = await page.evaluate(async (url) => {
        const { match } = Cache.prototype
        Cache.prototype.match = () => Promise.reject(new DOMException('Unexpected internal error.'))
        try {
          return await sources.load(url)
        } finally {
          Cache.prototype.match = match
        }
      }, other.url)
      expect(loaded).toMatchObject({ text: 'weights', origin: { from: 'network' } })
    })

    test('drops a damaged entry and downloads again', async () => {
      Object.assign(other.answer, { body: 'weights', headers: tagged })
      await load()
      await page.evaluate((url) => sources.damage(url), other.url)
      expect(await load()).toMatchObject({ text: 'weights', origin: { from: 'network' } })
      expect(await load()).toMatchObject({ text: 'weights', origin: { from: 'cache' } })
    })

    test('stores responses to headers only with `cache: true`, and nothing with `cache: false`', async () => {
      Object.assign(other.answer, { body: 'weights', headers: tagged })
      const headers = { authorization: 'me' }
      const sentence = expect.stringMatching(/^[A-Z].*\.$/)
      expect((await load({ cache: false })).origin).toEqual({
        bytes: 7,
        from: 'network',
        notCached: sentence,
      })
      expect((await load({ headers })).origin).toEqual({ bytes: 7, from: 'network', notCached: sentence })
      expect(await listed()).toEqual([])
      expect((await load({ headers, cache: true })).origin.notCached).toBeUndefined()
      other.requests()
      expect((await load({ headers, cache: true })).origin.from).toBe('cache')
      expect(other.requests().filter((request) => !request.startsWith('OPTIONS'))).toEqual(['HEAD me'])
      expect((await load({ headers })).origin.from).toBe('network')
    })

    test('is cleared by URL or entirely', async () => {
      Object.assign(other.answer, { body: 'weights', headers: tagged })
      const removed = await page.evaluate(async (url) => {
        for (const query of ['?a', '?b', '?c']) await sources.load(url + query)
        const { clearCachedCheckpoints } = sources
        return [
          await clearCachedCheckpoints(url),
          await clearCachedCheckpoints(new URL('?b', url)),
          (await sources.listCachedCheckpoints()).map(({ url }) => url.split('?')[1]),
          await clearCachedCheckpoints(),
          (await sources.listCachedCheckpoints()).length,
        ]
      }, other.url)
      expect(removed).toEqual([0, 1, ['a', 'c'], 2, 0])
    })

    test('is skipped without room', async () => {
      Object.assign(other.answer, { body: 'w'.repeat(3_000_000), headers: tagged })
      const devtools = await page.context().newCDPSession(page)
      await devtools.send('Storage.overrideQuotaForOrigin', { origin: site.origin, quotaSize: 1_000_000 })
      try {
        const { text, origin } = await load()
        expect(text).toHaveLength(3_000_000)
        expect(origin).toMatchObject({ from: 'network', notCached: expect.stringContaining('no room') })
        expect(await listed()).toEqual([])
      } finally {
        await devtools.send('Storage.overrideQuotaForOrigin', { origin: site.origin })
        await devtools.detach()
      }
    })

    test('is skipped on a page that is not secure, and for URLs other than http', async () => {
      Object.assign(other.answer, { body: 'weights', headers: tagged })
      const insecure = await openPage(browser, site.origin.replace('localhost', 'insecure.test'))
      const found = await insecure.evaluate(async (url) => {
        const { load, failureOf, listCachedCheckpoints, clearCachedCheckpoints } = sources
        return {
          secure: isSecureContext,
          loaded: await load(url),
          checked: await failureOf(() => load(url, { sha256: 'a'.repeat(64) })),
          kept: [(await listCachedCheckpoints()).length, await clearCachedCheckpoints()],
        }
      }, other.url)
      await insecure.close()
      expect(found).toMatchObject({
        secure: false,
        loaded: {
          text: 'weights',
          origin: { from: 'network', notCached: expect.stringContaining('https') },
        },
        checked: { code: 'runtime-unavailable', hint: expect.stringContaining('https') },
        kept: [0, 0],
      })
      const { origin } = await page.evaluate(() => sources.load('data:text/plain,weights'))
      expect(origin).toMatchObject({ bytes: 7, notCached: expect.stringContaining('http') })
    })
  })

  describe('downloads', () => {
    test.each([
      ['with an announced length', { ...shared, 'Content-Length': '5000' }, 5000],
      ['without an announced length', shared, undefined],
    ])('are complete, %s', async (_, headers, total) => {
      const body = 'weights!!!'.repeat(500)
      Object.assign(other.answer, { body, headers })
      expect(await load()).toMatchObject({ text: body, last: { stage: 'download', loaded: 5000, total } })
    })

    test('are complete when they are compressed, which another origin does not show', async () => {
      const text = 'weights!!!'.repeat(500)
      const body = gzipSync(text)
      const headers = { ...shared, 'Content-Encoding': 'gzip', 'Content-Length': String(body.byteLength) }
      Object.assign(other.answer, { body, headers })
      expect(await load()).toMatchObject({ text, last: { stage: 'download', loaded: 5000 } })
    })

    test('that end early are errors and not stored', async () => {
      Object.assign(other.answer, {
        body: 'weights',
        headers: { ...tagged, 'Content-Length': '7' },
        broken: true,
      })
      expect(await loadFailure()).toEqual({
        code: 'unreadable',
        message: expect.stringContaining(`${other.url}: the connection failed after`),
        hint: expect.stringMatching(/^[A-Z].*\.$/),
      })
      expect(await listed()).toEqual([])
    })
  })

  test.each(['features', 'image'] as const)(
    'an ONNX model converted from a checkpoint gives the same results, with outputs at the size of the %s',
    async (outputSize) => {
      const options = { edgeHead: true, outputSize }
      const loaded = loadModel(await openCheckpoint(bytesSource(project(DEMO_CHECKPOINT))), options)
      const model = encodeOnnx(loaded.graph, { metadata: onnxMetadata({ ...loaded, outputSize }) })
      const sink = memorySink(model.byteLength)
      await model.write(sink)
      Object.assign(other.answer, { body: sink.finish(), headers: shared })
      const found = await page.evaluate(async (url) => {
        const image = await (await fetch('/street.png')).blob()
        const results: { model: string; labels: number[]; edges: number[] }[] = []
        const options = { checkpoint: url, edgeHead: true, device: 'wasm', cache: false } as const
        const converted = await sources.createSegmenter(options)
        for (const segmenter of [converted, await sources.demoSegmenter()]) {
          const { labels, edges } = await segmenter.segment(image, { outputs: ['labels', 'edges'] })
          results.push({ model: segmenter.model, labels: Array.from(labels), edges: Array.from(edges) })
        }
        await converted.dispose()
        return results
      }, other.url)
      expect(found[0].labels.length).toBeGreaterThan(1000)
      expect(new Set(found[0].labels).size).toBeGreaterThan(2)
      expect(found[0]).toEqual(found[1])
    },
  )

  test('a segmenter loads from the cache the second time, and reports the origin', async () => {
    const demo = project(DEMO_CHECKPOINT)
    const found = await page.evaluate(async (sha256) => {
      const { createSegmenter, failureOf } = sources
      const image = await (await fetch('/street.png')).blob()
      const bytes = await (await fetch('/models/demo.pth')).arrayBuffer()
      const results = []
      for (let i = 0; i < 2; i++) {
        const stages = new Set<string>()
        const segmenter = await createSegmenter({
          checkpoint: '/models/demo.pth',
          sha256,
          device: 'wasm',
          onProgress: ({ stage }) => stages.add(stage),
        })
        const { labels } = await segmenter.segment(image)
        await segmenter.dispose()
        results.push({ origin: segmenter.origin, stages: [...stages], labels: labels.join() })
      }
      const wrong = await failureOf(() =>
        createSegmenter({ checkpoint: new File([bytes], 'mine.pth'), sha256: '0'.repeat(64) }),
      )
      return { results, wrong }
    }, sha256(demo))
    const origin = { bytes: demo.byteLength, sha256: sha256(demo) }
    const { labels } = found.results[0]
    expect(found.results).toEqual([
      { origin: { ...origin, from: 'network' }, stages: ['download', 'compile'], labels },
      { origin: { ...origin, from: 'cache' }, stages: ['cache', 'compile'], labels },
    ])
    expect(found.wrong).toMatchObject({
      code: 'invalid-checkpoint',
      message: expect.stringMatching(/^mine\.pth: .*0{64}/),
    })
  })

  test('files that another origin does not share are errors', async () => {
    Object.assign(other.answer, { body: street, headers: { 'Content-Type': 'image/png' } })
    const found = await page.evaluate(async (url) => {
      const { createSegmenter, failureOf } = sources
      const unshared = await failureOf(() => createSegmenter({ checkpoint: url, device: 'wasm' }))
      const segmenter = await sources.demoSegmenter()
      const img = new Image()
      img.src = url
      await img.decode()
      const canvas = new OffscreenCanvas(8, 8)
      canvas.getContext('2d')?.drawImage(img, 0, 0)
      const failures = {
        checkpoint: unshared,
        url: await failureOf(() => segmenter.segment(url)),
        img: await failureOf(() => segmenter.segment(img)),
        canvas: await failureOf(() => segmenter.segment(canvas)),
        bitmap: await failureOf(async () => segmenter.segment(await createImageBitmap(img))),
        batch: await failureOf(() => segmenter.segmentImages([new ImageData(8, 8), img])),
      }
      const still = await segmenter.segment(new ImageData(8, 8))
      return { failures, labels: still.labels.length }
    }, other.url)
    for (const [name, failure] of Object.entries(found.failures)) {
      expect(failure, name).toEqual({
        code: 'unreadable',
        message: expect.stringContaining(
          name === 'checkpoint' || name === 'url' ? other.url : 'another origin',
        ),
        hint: expect.stringMatching(/^[A-Z].*Access-Control-Allow-Origin.*\.$/),
      })
      expect(failure.message).toContain(`of ${site.origin}`)
    }
    expect(found.labels).toBe(64)
  })

  test('images that another origin shares are accepted, by URL and from an element', async () => {
    Object.assign(other.answer, {
      body: street,
      headers: { ...shared, 'Content-Type': 'image/png' },
    })
    const sizes = await page.evaluate(async (url) => {
      const segmenter = await sources.demoSegmenter()
      const img = Object.assign(new Image(), { crossOrigin: 'anonymous', src: url })
      await img.decode()
      const results = await segmenter.segmentImages([url, img])
      return results.map(({ width, height, labels }) => `${width}x${height} ${labels.join()}`)
    }, other.url)
    expect(sizes[0]).toMatch(/^256x128 /)
    expect(sizes[1]).toBe(sizes[0])
  })

  test('a server that cannot be reached is an error with its URL', async () => {
    await other.stop()
    expect(await loadFailure()).toMatchObject({
      code: 'unreadable',
      message: expect.stringContaining(`${other.url} cannot be fetched`),
    })
  })
})
