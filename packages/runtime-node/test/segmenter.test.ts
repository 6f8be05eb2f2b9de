import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { randomInteger, randomSource } from '../../backbones/test/support/tensors.js'
import {
  createSegmenter,
  type NodeSegmenter,
  type RgbImage,
  type SegmenterOptions,
  type SegmentProgress,
} from '../src/index.js'
import { WorkerClient } from '../src/worker-client.js'
import { WorkerPool } from '../src/worker-pool.js'
import { temporaryFolder, writeCheckpoint } from './support/checkpoint.js'

const random = randomSource(51)

/** Bands and blobs, so that neighbouring pixels are alike, as in photographs. */
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
  segmenter = await createSegmenter({ checkpoint, edge: true, device: 'cpu' })
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
  test('says what it loaded', () => {
    expect(segmenter).toMatchObject({ model: 'hrnet16-slim', classes: 19, edge: true, device: 'cpu' })
    expect(segmenter).toMatchObject({ precision: 'float32', deviceIds: [] })
    expect(segmenter.report).toMatchObject({ missing: [], unexpected: [], unused: [] })
    expect(segmenter.ladder.at(-1)).toMatchObject({ device: 'cpu', outcome: 'used' })
    expect(segmenter.loadTimings.open).toBeGreaterThan(0)
    expect(segmenter.loadTimings.session).toBeGreaterThan(0)
  })

  test('takes a path, a URL and bytes alike', async () => {
    const input = image(64, 48)
    const { labels } = await segmenter.segment(input)
    const bytes = await readFile(checkpoint)
    for (const given of [pathToFileURL(checkpoint), bytes, new Uint8Array(bytes)]) {
      await using other = await createSegmenter({ checkpoint: given, threads: 1, model: 'hrnet16-slim' })
      expect((await other.segment(input)).labels).toEqual(labels)
    }
    expect(bytes.byteLength).toBeGreaterThan(2 ** 20)
  })

  test('errors keep their code, message, hint and details on the way from the thread', async () => {
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
      hint: 'Its tensors are those of hrnet16-slim: load it as that.',
      details: { missing: expect.arrayContaining(['hrhead.last_layer.0.bias']) },
    })
  })

  test.each<[string, object, string]>([
    ['no checkpoint', { checkpoint: undefined }, 'invalid-argument'],
    ['a URL on the web', { checkpoint: new URL('https://example.org/a.pth') }, 'invalid-argument'],
    ['a device that is not there', { device: 'tpu' }, 'runtime-unavailable'],
    ['a self-check that is none', { selfCheck: 'maybe' }, 'invalid-argument'],
    ['half a GPU', { device: 'cuda', deviceId: 0.5 }, 'invalid-argument'],
    ['one of several CPUs', { device: 'cpu', deviceId: 1 }, 'invalid-argument'],
    ['no GPU of several', { device: 'cuda', deviceId: [] }, 'invalid-argument'],
    ['a GPU that is null', { device: 'cuda', deviceId: null }, 'invalid-argument'],
    ['a GPU twice', { device: 'cuda', deviceId: [0, 1, 0] }, 'invalid-argument'],
    ['several GPUs unnamed', { deviceId: [0, 1] }, 'invalid-argument'],
    ['a precision that is none', { precision: 'int8' }, 'invalid-argument'],
    ['float16 on the CPU', { device: 'cpu', precision: 'float16' }, 'invalid-argument'],
    ['half a thread', { threads: 0.5 }, 'invalid-argument'],
    ['fewer than no threads', { threads: -1 }, 'invalid-argument'],
    ['no memory', { memoryBudget: 0 }, 'invalid-argument'],
    ['NaN memory', { memoryBudget: Number.NaN }, 'invalid-argument'],
    ['an unknown model', { model: 'resnet' }, 'invalid-argument'],
    ['no classes', { classes: 0 }, 'invalid-argument'],
  ])('refuses %s', async (_, options, code) => {
    const error = await failureOf(createSegmenter({ checkpoint, ...options } as SegmenterOptions))
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(/^\S.*\.$/),
      hint: expect.stringMatching(/^[A-Z].*\.$/),
    })
  })

  test('can be given up', async () => {
    const reason = new Error('enough')
    expect(await failureOf(createSegmenter({ checkpoint, signal: AbortSignal.abort(reason) }))).toBe(reason)
    const controller = new AbortController()
    const loading = createSegmenter({ checkpoint, signal: controller.signal })
    setTimeout(() => controller.abort(reason), 20)
    expect(await failureOf(loading)).toBe(reason)
  })

  test('given up while its weights lie in a temporary folder, leaves none behind', async () => {
    await using folder = await temporaryFolder()
    vi.stubEnv('TMPDIR', folder.path)
    vi.stubEnv('TEMP', folder.path)
    // tsx, which loads the thread from source, keeps a folder there too.
    const isClean = async () => !(await readdir(folder.path)).some((name) => name.startsWith('inverseform-'))
    try {
      const controller = new AbortController()
      const loading = failureOf(createSegmenter({ checkpoint, signal: controller.signal }))
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
  ])('an image of %ix%i', async (width, height) => {
    const result = await segmenter.segment(image(width, height), {
      outputs: ['labels', 'confidence', 'logits', 'edges'],
      flip: true,
    })
    const pixels = width * height
    expect(result).toMatchObject({ width, height, classes: 19, tiles: 1 })
    expect([result.labels, result.confidence, result.edges].map((array) => array?.length)).toEqual([
      pixels,
      pixels,
      pixels,
    ])
    expect(result.logits).toHaveLength(19 * pixels)
    expect(result.labels?.every((label) => label < 19)).toBe(true)
    expect(result.confidence?.every((p) => p >= 1 / 19 - 1e-6 && p <= 1)).toBe(true)
    expect(result.edges?.every((p) => p >= 0 && p <= 1)).toBe(true)
  })

  test('leaves the pixels given where they are, also a part of a larger buffer', async () => {
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

  test('batches of mixed sizes keep their order, and count their runs', async () => {
    const images = [image(64, 32), image(32, 64), image(64, 32), image(40, 40)]
    const seen: SegmentProgress[] = []
    const together = await segmenter.segmentBatch(images, { onProgress: (progress) => seen.push(progress) })
    expect(seen).toEqual([1, 2, 3].map((done) => ({ done, total: 3 })))
    for (const [i, input] of images.entries()) {
      const alone = await segmenter.segment(input)
      expect(together[i]).toMatchObject({ width: input.width, height: input.height })
      const same = together[i].labels?.filter((label, k) => label === alone.labels?.[k]).length as number
      // Batches may be computed in another order: a tie may fall otherwise.
      expect(same).toBeGreaterThan(0.999 * input.width * input.height)
    }
    expect(await segmenter.segmentBatch([])).toEqual([])
  })

  test('errors in options and images leave the segmenter usable', async () => {
    expect(await failureOf(segmenter.segment(image(8, 8), { scales: [2] }))).toMatchObject({
      name: 'InverseFormError',
      code: 'invalid-argument',
      hint: 'Add 1: it sets the size that the others are blended into.',
    })
    expect(
      await failureOf(segmenter.segment({ width: 4, height: 4, data: new Uint8Array(3) })),
    ).toMatchObject({ code: 'size-mismatch' })
    expect(await failureOf(segmenter.segment(join(folder.path, 'none.png')))).toMatchObject({
      code: 'not-found',
    })
    expect((await segmenter.segment(image(8, 8))).labels).toHaveLength(64)
  })

  test('a small memory budget makes tiles, whose labels are nearly the whole’s', async () => {
    await using tight = await createSegmenter({ checkpoint, memoryBudget: 24 * 2 ** 20 })
    const input = image(1200, 640)
    const whole = await segmenter.segment(input, { tile: 'never' })
    const tiled = await tight.segment(input)
    expect(whole.tiles).toBe(1)
    expect(tiled.tiles).toBeGreaterThan(1)
    const same = whole.labels?.filter((label, i) => label === tiled.labels?.[i]).length as number
    expect(same / (1200 * 640)).toBeGreaterThan(0.95)
  })
})

/** The longest time between two ticks of a timer while something runs, and how long that ran, in milliseconds. */
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
  test('turns while the network runs', async () => {
    const input = image(1024, 512)
    const { pause, total } = await longestPause(() =>
      segmenter.segment(input, { scales: [1, 2], outputs: ['confidence'] }),
    )
    expect(pause).toBeLessThan(total / 3)
  })

  test('turns while a checkpoint is loaded', async () => {
    const { pause, total } = await longestPause(async () => (await createSegmenter({ checkpoint })).dispose())
    expect(pause).toBeLessThan(total / 3)
  })
})

describe('several devices', () => {
  const start = () =>
    WorkerClient.start('segmenter', {
      checkpoint,
      edge: false,
      device: 'cpu',
      precision: 'float32',
      selfCheck: 'refuse',
      selfCheckCache: false,
      threads: 1,
    })

  test('give what one gives, and end together', async () => {
    const clients = (await Promise.all([start(), start()])).map(({ client }) => client)
    const pool = new WorkerPool(clients)
    const images = Array.from({ length: 7 }, (_, i) => image(i % 2 ? 64 : 96, 48))
    const seen: SegmentProgress[] = []
    const dealt = await pool.run({ images, options: {} }, { onProgress: (p) => seen.push(p) })
    const alone = await segmenter.segmentBatch(images)
    for (const [i, { width, height, labels }] of dealt.entries()) {
      expect([width, height]).toEqual([images[i].width, images[i].height])
      const same = labels?.filter((label, k) => label === alone[i].labels?.[k]).length as number
      expect(same).toBeGreaterThan(0.999 * width * height)
    }
    expect(seen.at(-1)?.done).toBe(seen.at(-1)?.total)
    const wrong = failureOf(pool.run({ images, options: { scales: [2] } }))
    expect(await wrong).toMatchObject({ code: 'invalid-argument' })
    await pool.dispose()
    for (const client of clients) expect(() => client.requireRunning()).toThrow('disposed')
  })

  test('are an error that says which, where one cannot be used', async () => {
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

  test('during a request rejects it before the network is done, and the next works', async () => {
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
    // The second scale of the request given up was never run.
    expect(seen.length).toBeLessThan(2)
  })
})

describe('the end', () => {
  test('dispose lets work finish, may be called again, and nothing works after it', async () => {
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

  test('await using disposes', async () => {
    let kept: NodeSegmenter
    {
      await using own = await createSegmenter({ checkpoint })
      kept = own
    }
    expect(await failureOf(kept.segment(image(8, 8)))).toMatchObject({ code: 'disposed' })
  })

  test('a thread that dies fails its requests, and those after', async () => {
    const { client } = await WorkerClient.start('segmenter', {
      checkpoint,
      edge: false,
      device: 'cpu',
      precision: 'float32',
      selfCheck: 'refuse',
      selfCheckCache: false,
      threads: 1,
    })
    const request = failureOf(client.run({ images: [image(512, 512)], options: {} }))
    await (Reflect.get(client, 'worker') as Worker).terminate()
    const died = { code: 'inference-failed', message: 'The inference thread ended: exit code 1.' }
    expect(await request).toMatchObject(died)
    expect(await failureOf(client.run({ images: [image(8, 8)], options: {} }))).toMatchObject(died)
    await client.dispose()
  })

  test('an idle segmenter does not keep the process alive, and ONNX Runtime has sent nothing', async () => {
    await using caches = await temporaryFolder()
    const { CI, ORT_DISABLE_TELEMETRY, ...env } = process.env
    const program = fileURLToPath(new URL('./support/idle.ts', import.meta.url))
    const child = spawn(
      process.execPath,
      ['--conditions=@inverseform/source', '--import', 'tsx', program, checkpoint],
      { env: { ...env, XDG_CACHE_HOME: caches.path } },
    )
    let output = ''
    child.stdout.on('data', (part) => (output += part))
    child.stderr.on('data', (part) => (output += part))
    const [code, signal] = await once(child, 'exit')
    expect({ output: output.trim(), code, signal }).toEqual({ output: '2048 labels', code: 0, signal: null })
    // What it would send waits in a database there.
    expect(await readdir(caches.path)).not.toContain('Microsoft')
  })
})
