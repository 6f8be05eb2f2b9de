import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createSegmenter,
  type LoadProgress,
  type NodeSegmenter,
  type RgbImage,
  type SegmenterOptions,
  type SegmentOptions,
  type SegmentProgress,
} from '../src/index.js'
import { startWorker } from '../src/worker/client.js'
import { WorkerPool } from '../src/worker/pool.js'
import { temporaryFolder, writeCheckpoint } from './support/checkpoint.js'
import idle from './support/idle.ts?bundled'

const random = seededRandom(51)

/** Returns bands and blobs, whose neighboring pixels are similar, as in photographs. */
function image(width: number, height: number): RgbImage {
  const phase = random() * 6
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)]
    return (
      128 +
      100 * Math.sin(phase + x / (17 + 9 * c)) * Math.cos(y / (13 + 5 * c)) +
      randomInteger(random, -8, 8)
    )
  })
  return { data, width, height }
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let checkpoint: string
let segmenter: NodeSegmenter
beforeAll(async () => {
  folder = await temporaryFolder()
  checkpoint = await writeCheckpoint(folder.path, 'hrnet16-slim')
  segmenter = await createSegmenter({ checkpoint, edgeHead: true, device: 'cpu' })
})
afterAll(async () => {
  await segmenter.dispose()
  await folder[Symbol.asyncDispose]()
})

const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('it did not fail')
    },
    (error) => error,
  )

describe('createSegmenter', () => {
  test('reports what it loaded', () => {
    expect(segmenter).toMatchObject({ model: 'hrnet16-slim', numClasses: 19, edgeHead: true, device: 'cpu' })
    expect(segmenter).toMatchObject({ precision: 'float32', deviceIds: [] })
    expect(segmenter.report).toMatchObject({ missing: [], unexpected: [], unused: [] })
    expect(segmenter.attempts.at(-1)).toMatchObject({ device: 'cpu', outcome: 'used' })
    expect(segmenter.loadTimings.open).toBeGreaterThan(0)
    expect(segmenter.loadTimings.session).toBeGreaterThan(0)
  })

  test('accepts a path, a URL and bytes', async () => {
    const input = image(64, 48)
    const { labels } = await segmenter.segment(input)
    const bytes = await readFile(checkpoint)
    for (const given of [pathToFileURL(checkpoint), bytes, new Uint8Array(bytes).buffer]) {
      await using other = await createSegmenter({ checkpoint: given, threads: 1, model: 'hrnet16-slim' })
      expect((await other.segment(input)).labels).toEqual(labels)
    }
    expect(bytes.byteLength).toBeGreaterThan(2 ** 20)
  })

  test('keeps the code, message, hint and details of errors from the thread', async () => {
    const cut = join(folder.path, 'cut.safetensors')
    await writeFile(cut, (await readFile(checkpoint)).subarray(0, 100_000))
    expect(await failureOf(createSegmenter({ checkpoint: cut }))).toMatchObject({
      name: 'InverseFormError',
      code: 'invalid-checkpoint',
      message: expect.stringContaining('cut.safetensors'),
    })
    expect(await failureOf(createSegmenter({ checkpoint: join(folder.path, 'none.pth') }))).toMatchObject({
      code: 'not-found',
    })
    expect(await failureOf(createSegmenter({ checkpoint, model: 'hrnet18' }))).toMatchObject({
      code: 'checkpoint-mismatch',
      hint: 'Its tensors are those of hrnet16-slim: load it as that model.',
      details: { missing: expect.arrayContaining(['hrhead.last_layer.0.bias']) },
    })
  })

  const devices = "'auto', 'cpu', 'webgpu', 'cuda', 'tensorrt', 'dml', 'coreml' or 'wasm'"
  const ids = 'an integer of at least 0, or a list of different ones'
  test.each<[string, object, string, string | RegExp]>([
    [
      'no checkpoint',
      { checkpoint: undefined },
      'invalid-argument',
      '`checkpoint` must be the name of a published model, or the URL, path or bytes of a .pth, .safetensors or .onnx file, got undefined.',
    ],
    [
      'another kind of URL',
      { checkpoint: new URL('ftp://example.org/a.pth') },
      'invalid-argument',
      '`checkpoint` must start with http:, https: or file:, got ftp://example.org/a.pth.',
    ],
    [
      'an unknown device',
      { device: 'tpu' },
      'runtime-unavailable',
      `\`device\` must be one of ${devices}, got "tpu".`,
    ],
    [
      'an unknown self-check',
      { selfCheck: 'maybe' },
      'invalid-argument',
      "`selfCheck` must be one of 'refuse', 'warn' or 'skip', got \"maybe\".",
    ],
    [
      'a cache that is not a boolean',
      { selfCheckCache: 'no' },
      'invalid-argument',
      '`selfCheckCache` must be true or false, got "no".',
    ],
    [
      'a model cache that is not a boolean',
      { modelCache: 0 },
      'invalid-argument',
      '`modelCache` must be true or false, got 0.',
    ],
    [
      'half a GPU',
      { device: 'cuda', deviceId: 0.5 },
      'invalid-argument',
      `\`deviceId\` must be ${ids}, got 0.5.`,
    ],
    [
      'one of several CPUs',
      { device: 'cpu', deviceId: 1 },
      'invalid-argument',
      '`deviceId` cannot be used with the device cpu.',
    ],
    [
      'an empty list of GPUs',
      { device: 'cuda', deviceId: [] },
      'invalid-argument',
      `\`deviceId\` must be ${ids}, got [].`,
    ],
    [
      'a GPU that is null',
      { device: 'cuda', deviceId: null },
      'invalid-argument',
      `\`deviceId\` must be ${ids}, got null.`,
    ],
    [
      'a GPU twice',
      { device: 'cuda', deviceId: [0, 1, 0] },
      'invalid-argument',
      `\`deviceId\` must be ${ids}, got [0, 1, 0].`,
    ],
    [
      'several GPUs of an unnamed device',
      { deviceId: [0, 1] },
      'invalid-argument',
      '`deviceId` cannot be used with the device auto.',
    ],
    [
      'an unknown precision',
      { precision: 'int8' },
      'invalid-argument',
      "`precision` must be one of 'auto', 'float32' or 'float16', got \"int8\".",
    ],
    [
      'float16 on the CPU',
      { device: 'cpu', precision: 'float16' },
      'invalid-argument',
      'The device cpu does not compute in float16.',
    ],
    [
      'half a thread',
      { threads: 0.5 },
      'invalid-argument',
      '`threads` must be an integer from 0 to 1024, got 0.5.',
    ],
    [
      'negative threads',
      { threads: -1 },
      'invalid-argument',
      '`threads` must be an integer from 0 to 1024, got -1.',
    ],
    [
      'no worker',
      { workers: 0 },
      'invalid-argument',
      '`workers` must be an integer from 1 to 256, or auto, got 0.',
    ],
    [
      'fewer workers than GPUs',
      { workers: 1, device: 'cuda', deviceId: [0, 1] },
      'invalid-argument',
      '`workers` is 1, but `deviceId` lists 2 GPUs.',
    ],
    [
      'no memory',
      { memoryBudget: 0 },
      'invalid-argument',
      '`memoryBudget` must be a number of bytes above 0, got 0.',
    ],
    [
      'NaN memory',
      { memoryBudget: Number.NaN },
      'invalid-argument',
      '`memoryBudget` must be a number of bytes above 0, got NaN.',
    ],
    ['an unknown model', { model: 'resnet' }, 'invalid-argument', /^\S.*\.$/],
    [
      'no classes',
      { numClasses: 0 },
      'invalid-argument',
      '`numClasses` must be an integer from 1 to 4096, got 0.',
    ],
    [
      'an edge head that is not a boolean',
      { edgeHead: 'yes' },
      'invalid-argument',
      '`edgeHead` must be true or false, got "yes".',
    ],
    [
      'progress for no function',
      { onProgress: 1 },
      'invalid-argument',
      '`onProgress` must be a function, got 1.',
    ],
    ['a signal that is none', { signal: 5 }, 'invalid-argument', '`signal` must be an AbortSignal, got 5.'],
    ['an empty key', { key: '' }, 'invalid-argument', '`key` must be a name, got "".'],
    ['a key that is not there', { key: 'nowhere' }, 'invalid-argument', /nowhere/],
    [
      'no pixels',
      { maxPixels: 0 },
      'invalid-argument',
      '`maxPixels` must be an integer of at least 1, got 0.',
    ],
    [
      'an empty path',
      { checkpoint: '' },
      'invalid-argument',
      /^`checkpoint` must be the name of a published model, .*, got ""\.$/,
    ],
    ['a device as a checkpoint', { checkpoint: '/dev/zero' }, 'unreadable', /\/dev\/zero is a device/],
  ])('refuses %s', async (_, options, code, message) => {
    const error = await failureOf(createSegmenter({ checkpoint, ...options } as SegmenterOptions))
    expect(error).toMatchObject({
      code,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    })
  })

  test('limits the pixels of images, for all and for one', async () => {
    await using own = await createSegmenter({ checkpoint, device: 'cpu', maxPixels: 4000 })
    const image = { data: new Uint8Array(3 * 64 * 64), width: 64, height: 64 }
    const message = '`image` has 64x64 = 4096 pixels, at most 4000 are allowed.'
    expect(await failureOf(own.segment(image))).toMatchObject({ code: 'limit-exceeded', message })
    expect(await own.segment(image, { maxPixels: 4096 })).toMatchObject({ width: 64, height: 64 })
    const second = await failureOf(own.segmentImages([image, undefined as never], { maxPixels: 4096 }))
    expect(second).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^`images\[1\]` must be a path, .*, got undefined\.$/),
    })
  })

  test('refuses missing options', async () => {
    expect(await failureOf(createSegmenter(undefined as unknown as SegmenterOptions))).toMatchObject({
      code: 'invalid-argument',
      message: '`options` must be an object with a `checkpoint`, got undefined.',
    })
  })

  test('reports each device that it tries', async () => {
    const seen: LoadProgress[] = []
    await using own = await createSegmenter({
      checkpoint,
      device: 'cpu',
      onProgress: (progress) => seen.push(progress),
    })
    expect(seen).toEqual([{ stage: 'compile', device: 'cpu' }])
    expect(own.precision).toBe('float32')
  })

  test('can be aborted', async () => {
    const reason = new Error('enough')
    expect(await failureOf(createSegmenter({ checkpoint, signal: AbortSignal.abort(reason) }))).toBe(reason)
    const controller = new AbortController()
    const loading = createSegmenter({ checkpoint, signal: controller.signal })
    setTimeout(() => controller.abort(reason), 20)
    expect(await failureOf(loading)).toBe(reason)
  })

  test('leaves no temporary folder behind when aborted while its weights are in one', async () => {
    await using folder = await temporaryFolder()
    vi.stubEnv('TMPDIR', folder.path)
    vi.stubEnv('TEMP', folder.path)
    // tsx, which loads the thread from source, also keeps a folder there.
    const isClean = async () => !(await readdir(folder.path)).some((name) => name.startsWith('inverseform-'))
    try {
      const controller = new AbortController()
      const loading = failureOf(createSegmenter({ checkpoint, modelCache: false, signal: controller.signal }))
      await vi.waitUntil(async () => !(await isClean()), { timeout: 60_000, interval: 1 })
      controller.abort(new Error('enough'))
      expect((await loading).message).toBe('enough')
      await vi.waitUntil(isClean, { timeout: 60_000 })
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

describe('segmenting', () => {
  test.each([
    [1, 1],
    [2, 2],
    [1, 9],
    [33, 1],
    [31, 17],
  ])('computes all outputs of an image of %ix%i', async (width, height) => {
    const result = await segmenter.segment(image(width, height), {
      outputs: ['labels', 'confidence', 'logits', 'edges'],
      flip: true,
    })
    const pixels = width * height
    expect(result).toMatchObject({ width, height, numClasses: 19, tiles: 1 })
    expect([result.labels, result.confidence, result.edges].map((array) => array.length)).toEqual([
      pixels,
      pixels,
      pixels,
    ])
    expect(result.logits).toHaveLength(19 * pixels)
    expect(result.labels.every((label) => label < 19)).toBe(true)
    expect(result.confidence.every((p) => p >= 1 / 19 - 1e-6 && p <= 1)).toBe(true)
    expect(result.edges.every((p) => p >= 0 && p <= 1)).toBe(true)
  })

  test('does not transfer the pixels of the caller, including a part of a larger buffer', async () => {
    const input = image(64, 32)
    const large = new Uint8Array(2 ** 20)
    large.set(input.data, 12345)
    const part = { ...input, data: large.subarray(12345, 12345 + input.data.length) }
    const { labels } = await segmenter.segment(input)
    expect((await segmenter.segment(part)).labels).toEqual(labels)
    expect(input.data).toHaveLength(64 * 32 * 3)
    expect(large).toHaveLength(2 ** 20)
    expect((await segmenter.segment(input)).labels).toEqual(labels)
  })

  test('keeps the order of images of several sizes, and counts their runs', async () => {
    const images = [image(64, 32), image(32, 64), image(64, 32), image(40, 40)]
    const seen: SegmentProgress[] = []
    const together = await segmenter.segmentImages(images, { onProgress: (progress) => seen.push(progress) })
    expect(seen).toEqual([1, 2, 3].map((done) => ({ done, total: 3 })))
    for (const [i, input] of images.entries()) {
      const alone = await segmenter.segment(input)
      expect(together[i]).toMatchObject({ width: input.width, height: input.height })
      const same = together[i].labels.filter((label, k) => label === alone.labels[k]).length
      // Batches may be computed in another order, which may change ties.
      expect(same).toBeGreaterThan(0.999 * input.width * input.height)
    }
    expect(await segmenter.segmentImages([])).toEqual([])
  })

  test('stays usable after errors in options and images', async () => {
    expect(await failureOf(segmenter.segment(image(8, 8), { scales: [2] }))).toMatchObject({
      name: 'InverseFormError',
      code: 'invalid-argument',
      message: '`scales` must be an array that includes 1, got [2].',
      hint: 'Add 1, the scale at which the others are blended.',
    })
    expect(
      await failureOf(segmenter.segment({ width: 4, height: 4, data: new Uint8Array(3) })),
    ).toMatchObject({ code: 'size-mismatch' })
    expect(await failureOf(segmenter.segmentImages('a.png' as unknown as string[]))).toMatchObject({
      code: 'invalid-argument',
      message: '`images` must be an array of images, got "a.png".',
    })
    const unknown = { outputs: ['depth'] } as unknown as SegmentOptions
    expect(await failureOf(segmenter.segment('none.png', unknown))).toMatchObject({
      code: 'invalid-argument',
      message:
        "`outputs[0]` must be one of 'labels', 'confidence', 'logits', 'edges' or 'edgeOutput', got \"depth\".",
    })
    const floats = { width: 1, height: 1, data: new Float32Array(3) } as unknown as RgbImage
    expect(await failureOf(segmenter.segment(floats))).toMatchObject({ code: 'invalid-argument' })
    expect(await failureOf(segmenter.segment(join(folder.path, 'none.png')))).toMatchObject({
      code: 'not-found',
    })
    expect((await segmenter.segment(image(8, 8))).labels).toHaveLength(64)
  })

  test('cuts images into tiles for a small memory budget, with nearly the same labels', async () => {
    await using tight = await createSegmenter({ checkpoint, memoryBudget: 24 * 2 ** 20 })
    const input = image(1200, 640)
    const whole = await segmenter.segment(input, { tile: 'never' })
    const tiled = await tight.segment(input)
    expect(whole.tiles).toBe(1)
    expect(tiled.tiles).toBeGreaterThan(1)
    const same = whole.labels.filter((label, i) => label === tiled.labels[i]).length
    expect(same / (1200 * 640)).toBeGreaterThan(0.95)
  })
})

/** Returns the longest pause between two ticks of a timer while work runs, and its whole time, in milliseconds. */
async function longestPause(work: () => Promise<unknown>) {
  const started = performance.now()
  let [last, pause] = [started, 0]
  const tick = () => {
    const now = performance.now()
    pause = Math.max(pause, now - last)
    last = now
  }
  const timer = setInterval(tick, 10)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
  tick()
  return { pause, total: performance.now() - started }
}

describe('the caller’s event loop', () => {
  test('stays free while the network runs', async () => {
    const input = image(1024, 512)
    const { pause, total } = await longestPause(() =>
      segmenter.segment(input, { scales: [1, 2], outputs: ['confidence'] }),
    )
    expect(pause).toBeLessThan(total / 3)
  })

  test('stays free while a checkpoint is loaded', async () => {
    const { pause, total } = await longestPause(async () => (await createSegmenter({ checkpoint })).dispose())
    expect(pause).toBeLessThan(total / 3)
  })
})

describe('several workers', () => {
  test.each([3, 'auto'] as const)('%s compute the same as one', async (workers) => {
    const images = Array.from({ length: 7 }, (_, i) => image(i % 2 ? 64 : 96, 48))
    const expected = await segmenter.segmentImages(images)
    await using several = await createSegmenter({ checkpoint, device: 'cpu', workers })
    expect(several.workers).toBe(workers === 'auto' ? Math.min(4, availableParallelism()) : workers)
    expect(several.attempts).toHaveLength(segmenter.attempts.length)
    const found = await Promise.all(images.map((each) => several.segment(each)))
    expect(found.map(({ labels }) => labels)).toEqual(expected.map(({ labels }) => labels))
  })

  test('share the memory budget', async () => {
    const input = image(1200, 640)
    const memoryBudget = 200 * 2 ** 20
    await using one = await createSegmenter({ checkpoint, device: 'cpu', memoryBudget })
    await using several = await createSegmenter({ checkpoint, device: 'cpu', memoryBudget, workers: 8 })
    expect((await one.segment(input)).tiles).toBe(1)
    expect((await several.segment(input)).tiles).toBeGreaterThan(1)
  })

  test('auto starts only as many as have memory', async () => {
    await using tight = await createSegmenter({
      checkpoint,
      device: 'cpu',
      workers: 'auto',
      memoryBudget: 24 * 2 ** 20,
    })
    expect(tight.workers).toBe(1)
  })
})

describe('several devices', () => {
  const start = () =>
    startWorker('segmenter', {
      checkpoint,
      edgeHead: false,
      device: 'cpu',
      precision: 'float32',
      selfCheck: 'refuse',
      selfCheckCache: false,
      modelCacheBytes: 0,
      threads: 1,
      workers: 1,
    })

  test('compute the same as one, and end together', async () => {
    const clients = (await Promise.all([start(), start()])).map(({ client }) => client)
    const pool = new WorkerPool(clients)
    const images = Array.from({ length: 7 }, (_, i) => image(i % 2 ? 64 : 96, 48))
    const seen: SegmentProgress[] = []
    const dealt = await pool.run({ images, options: {} }, { onProgress: (p) => seen.push(p) })
    const alone = await segmenter.segmentImages(images)
    for (const [i, { width, height, labels }] of dealt.entries()) {
      expect([width, height]).toEqual([images[i].width, images[i].height])
      const same = labels?.filter((label, k) => label === alone[i].labels[k]).length as number
      expect(same).toBeGreaterThan(0.999 * width * height)
    }
    expect(seen.at(-1)?.done).toBe(seen.at(-1)?.total)
    const wrong = failureOf(pool.run({ images, options: { scales: [2] } }))
    expect(await wrong).toMatchObject({ code: 'invalid-argument' })
    await pool.dispose()
    for (const client of clients) expect(() => client.checkRunning()).toThrow('disposed')
  })

  test('name the one that cannot be used', async () => {
    const error = await failureOf(createSegmenter({ checkpoint, device: 'cuda', deviceId: [98, 99] }))
    expect(error).toMatchObject({
      code: 'runtime-unavailable',
      message: expect.stringMatching(/^On GPU 9[89] \(cuda\): \S/),
      hint: expect.stringMatching(/\.$/),
      details: { deviceId: expect.any(Number) },
    })
  })
})

describe('an abort', () => {
  test('before a request rejects it', async () => {
    const reason = new Error('enough')
    expect(await failureOf(segmenter.segment('none.png', { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(await failureOf(segmenter.segment(image(8, 8), { signal: AbortSignal.abort() }))).toMatchObject({
      name: 'AbortError',
    })
  })

  test('during a request rejects it before the network has finished, and the next request works', async () => {
    const controller = new AbortController()
    const seen: SegmentProgress[] = []
    const input = image(1024, 512)
    const request = segmenter.segment(input, {
      scales: [1, 2],
      signal: controller.signal,
      onProgress: (p) => seen.push(p),
    })
    const queued = segmenter.segment(image(32, 32), { signal: controller.signal })
    setTimeout(() => controller.abort(new Error('enough')), 5)
    expect((await failureOf(request)).message).toBe('enough')
    expect((await failureOf(queued)).message).toBe('enough')
    expect(seen).toEqual([])
    expect((await segmenter.segment(image(32, 32))).labels).toHaveLength(1024)
    // The second scale of the aborted request did not run.
    expect(seen.length).toBeLessThan(2)
  })
})

describe('the end', () => {
  test('`dispose` lets work finish, can be called again, and ends the segmenter', async () => {
    const own = await createSegmenter({ checkpoint })
    const request = own.segment(image(64, 64))
    const [, , { labels }] = await Promise.all([own.dispose(), own.dispose(), request])
    expect(labels).toHaveLength(4096)
    await own.dispose()
    expect(await failureOf(own.segment('none.png'))).toMatchObject({
      code: 'disposed',
      message: 'This segmenter has been disposed of.',
    })
  })

  test('`await using` disposes of the segmenter', async () => {
    let kept: NodeSegmenter
    {
      await using own = await createSegmenter({ checkpoint })
      kept = own
    }
    expect(await failureOf(kept.segment(image(8, 8)))).toMatchObject({ code: 'disposed' })
  })

  test('requests under way and later ones are rejected if the thread dies', async () => {
    const { client, worker } = await startWorker('segmenter', {
      checkpoint,
      edgeHead: false,
      device: 'cpu',
      precision: 'float32',
      selfCheck: 'refuse',
      selfCheckCache: false,
      modelCacheBytes: 0,
      threads: 1,
      workers: 1,
    })
    const request = failureOf(client.run({ images: [image(512, 512)], options: {} }))
    await worker.terminate()
    const died = { code: 'inference-failed', message: 'The inference thread ended: exit code 1.' }
    expect(await request).toMatchObject(died)
    expect(await failureOf(client.run({ images: [image(8, 8)], options: {} }))).toMatchObject(died)
    await client.dispose()
  })

  test('an idle segmenter does not keep the process alive, and ONNX Runtime sends nothing', async () => {
    await using caches = await temporaryFolder()
    const { CI, ORT_DISABLE_TELEMETRY, ...env } = process.env
    const child = spawn(process.execPath, [idle, checkpoint], {
      env: { ...env, XDG_CACHE_HOME: caches.path },
    })
    let output = ''
    child.stdout.on('data', (part) => (output += part))
    child.stderr.on('data', (part) => (output += part))
    const [code, signal] = await once(child, 'exit')
    expect({ output: output.trim(), code, signal }).toEqual({ output: '2048 labels', code: 0, signal: null })
    // It would keep the data to send in a database there.
    expect(await readdir(caches.path)).not.toContain('Microsoft')
  })
})
