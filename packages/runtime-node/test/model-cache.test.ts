import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { loadModel } from '@inverseform/backbones'
import { imageTensor, inferenceCheckpoint } from '@inverseform/testing'
import { temporaryFolder as folderOfTest } from '@inverseform/testing/downloads'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { clearCachedModels, createSegmenter, listCachedModels, type SegmenterOptions } from '../src/index.js'
import { contentHashOf } from '../src/model-cache/content-hash.js'
import { type FoundModel, ModelCache, modelCacheBytes } from '../src/model-cache/index.js'
import { onnxBackend } from '../src/onnx/backend.js'
import { temporaryFolder, writeCheckpoint } from './support/checkpoint.js'
import child from './support/start-child.ts?bundled'

let shared: Awaited<ReturnType<typeof temporaryFolder>>
let checkpoint: string
let expected: string
let cache: string
beforeAll(async () => {
  shared = await temporaryFolder()
  checkpoint = await writeCheckpoint(shared.path, 'hrnet16-slim')
  expected = await logitsOf({ checkpoint, modelCache: false })
})
afterAll(() => shared[Symbol.asyncDispose]())

beforeEach(async () => {
  cache = await folderOfTest()
  vi.stubEnv('INVERSEFORM_CACHE', cache)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

/** Starts a segmenter and returns the hash of its logits, which differ wherever a weight does. */
async function logitsOf(options: SegmenterOptions): Promise<string> {
  await using segmenter = await createSegmenter({ device: 'cpu', ...options })
  const data = Uint8Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * 37) % 251)
  const { logits } = await segmenter.segment({ data, width: 96, height: 64 }, { outputs: ['logits'] })
  return sha256(new Uint8Array(logits.buffer))
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const longAgo = new Date('2020-01-01')

/** Returns the folder of the only model, whose last use is set to long ago. */
async function onlyModel(): Promise<string> {
  const [{ folder }, ...others] = await listCachedModels()
  expect(others).toEqual([])
  await utimes(join(folder, 'manifest.json'), longAgo, longAgo)
  return folder
}

/** Returns what the only model contains, and whether it was loaded since. */
async function stateOfModel(folder: string) {
  const files = await Promise.all((await readdir(folder)).sort().map((name) => readFile(join(folder, name))))
  const { mtime } = await stat(join(folder, 'manifest.json'))
  return { contents: files.map(sha256), isUsed: mtime > longAgo }
}

/** Names in the folder of models that are neither a model nor the index of checkpoints. */
async function leftovers(): Promise<string[]> {
  return (await readdir(join(cache, 'models'))).filter((name) => name.startsWith('.'))
}

describe('the second start', () => {
  test('loads the kept model and computes the same, bit by bit', async () => {
    expect(await logitsOf({ checkpoint })).toBe(expected)
    const folder = await onlyModel()
    const { contents } = await stateOfModel(folder)
    expect(await logitsOf({ checkpoint })).toBe(expected)
    expect(await stateOfModel(folder)).toEqual({ contents, isUsed: true })
    expect(await leftovers()).toEqual([])
  })

  test('finds the model by what the checkpoint contains, not by its name', async () => {
    await logitsOf({ checkpoint })
    const folder = await onlyModel()
    const copy = join(shared.path, 'copy.safetensors')
    await cp(checkpoint, copy)
    expect(await logitsOf({ checkpoint: copy })).toBe(expected)
    expect(await logitsOf({ checkpoint: await readFile(checkpoint) })).toBe(expected)
    expect((await listCachedModels()).map((model) => model.folder)).toEqual([folder])
    expect(await stateOfModel(folder)).toMatchObject({ isUsed: true })
  })

  test('notices a checkpoint with other bytes, of the same size and time', async () => {
    const changing = join(shared.path, 'changing.safetensors')
    await cp(checkpoint, changing)
    const { atime, mtime } = await stat(changing)
    // A later clock, so that the hash of the file is kept.
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now + 10_000)
    expect(await logitsOf({ checkpoint: changing })).toBe(expected)
    const bytes = await readFile(changing)
    bytes.fill(0, bytes.length - 100_000)
    await writeFile(changing, bytes)
    await utimes(changing, atime, mtime)
    const found = await logitsOf({ checkpoint: changing })
    expect(found).not.toBe(expected)
    expect(found).toBe(await logitsOf({ checkpoint: changing, modelCache: false }))
  })

  test('keeps models of other options apart', async () => {
    await logitsOf({ checkpoint })
    expect(await logitsOf({ checkpoint, edgeHead: true })).toBe(expected)
    expect(await listCachedModels()).toHaveLength(2)
  })
})

/** Changes one byte in the middle of a file. */
async function alter(path: string): Promise<void> {
  const bytes = await readFile(path)
  bytes[bytes.length >> 1] ^= 1
  await writeFile(path, bytes)
}

const { graph } = loadModel(inferenceCheckpoint('hrnet16-slim'))

/** Loads the network in this thread, which is faster, and returns the hash of its output. */
async function outputOf(modelCache?: ModelCache): Promise<string> {
  const backend = await onnxBackend('cpu', 1, { modelCache })
  const session = await backend.createSession(graph)
  const [output] = Object.values(await session.run({ image: imageTensor('image', 32, 64) }))
  await session.dispose()
  return sha256(new Uint8Array(output.data.buffer))
}

describe('a damaged model is made again:', () => {
  test.each<[string, (folder: string) => Promise<void>]>([
    ['a changed byte of the weights', (folder) => alter(join(folder, 'weights.bin'))],
    ['a changed byte of the model', (folder) => alter(join(folder, 'model.onnx'))],
    ['missing bytes of the weights', (folder) => truncate(join(folder, 'weights.bin'), 10_000_000)],
    ['missing bytes of the model', (folder) => truncate(join(folder, 'model.onnx'), 10_000)],
    ['missing weights', (folder) => rm(join(folder, 'weights.bin'))],
    ['a manifest that was cut', (folder) => truncate(join(folder, 'manifest.json'), 100)],
    ['an empty manifest', (folder) => truncate(join(folder, 'manifest.json'), 0)],
    ['a manifest of nothing', (folder) => writeFile(join(folder, 'manifest.json'), '{}')],
    [
      'the manifest of another key',
      async (folder) => {
        const path = join(folder, 'manifest.json')
        await writeFile(path, (await readFile(path, 'utf8')).replace(/[0-9a-f]{64}/, 'b'.repeat(64)))
      },
    ],
    ['no manifest', (folder) => rm(join(folder, 'manifest.json'))],
  ])('%s', async (_, damage) => {
    const content = { sha256: Promise.resolve('content'), isUnchanged: async () => true }
    const modelCache = new ModelCache({ folder: join(cache, 'models'), maxBytes: 1e9, content })
    const right = await outputOf()
    expect(await outputOf(modelCache)).toBe(right)
    const folder = await onlyModel()
    const weights = sha256(await readFile(join(folder, 'weights.bin')))
    await damage(folder)
    expect(await outputOf(modelCache)).toBe(right)
    expect(sha256(await readFile(join(folder, 'weights.bin')))).toBe(weights)
    expect(await leftovers()).toEqual([])
    await onlyModel()
    expect(await outputOf(modelCache)).toBe(right)
    expect(await stateOfModel(folder)).toMatchObject({ isUsed: true })
  })
})

describe('where a model cannot be kept', () => {
  test('a folder that cannot be made or written changes nothing', async () => {
    const file = join(await folderOfTest(), 'file')
    await writeFile(file, '')
    vi.stubEnv('INVERSEFORM_CACHE', join(file, 'cache'))
    expect(await logitsOf({ checkpoint })).toBe(expected)
    const locked = await folderOfTest()
    await mkdir(join(locked, 'models'))
    await chmod(join(locked, 'models'), 0o555)
    vi.stubEnv('INVERSEFORM_CACHE', locked)
    expect(await logitsOf({ checkpoint })).toBe(expected)
  })

  const fakeCache = (parts: Partial<ModelCache>) =>
    ({
      keyOf: async () => 'key',
      find: async () => undefined,
      begin: async () => undefined,
      ...parts,
    }) as ModelCache

  test('a disk that becomes full while ONNX Runtime writes changes nothing', async () => {
    const discard = vi.fn(async () => {})
    const publish = vi.fn(async () => {})
    const folder = join(cache, 'is', 'not', 'there')
    const modelCache = fakeCache({ begin: async () => ({ folder, publish, discard }) })
    expect(await outputOf(modelCache)).toBe(await outputOf())
    expect([publish.mock.calls.length, discard.mock.calls.length]).toEqual([0, 1])
  })

  test('a model that another process removes while it is loaded is made again', async () => {
    await logitsOf({ checkpoint })
    const model = await readFile(join(await onlyModel(), 'model.onnx'))
    const found: FoundModel = { model, folder: join(cache, 'removed'), isIntact: Promise.resolve(true) }
    const modelCache = fakeCache({ find: async () => found })
    expect(await outputOf(modelCache)).toBe(await outputOf())
  })

  test('a model larger than all may be is not kept', async () => {
    vi.stubEnv('INVERSEFORM_MODEL_CACHE', '0.01')
    expect(await logitsOf({ checkpoint })).toBe(expected)
    expect(await listCachedModels()).toEqual([])
    expect(await leftovers()).toEqual([])
  })
})

test('processes that start at once all succeed, and keep one model', async () => {
  const start = async () => (await promisify(execFile)(process.execPath, [child, checkpoint])).stdout.trim()
  expect(await Promise.all([start(), start(), start()])).toEqual([expected, expected, expected])
  expect(await listCachedModels()).toHaveLength(1)
  expect(await leftovers()).toEqual([])
  await alter(join(await onlyModel(), 'weights.bin'))
  expect(await Promise.all([start(), start()])).toEqual([expected, expected])
})

describe('the cache', () => {
  test.each<[string, Partial<SegmenterOptions>, string]>([
    ['the option', { modelCache: false }, ''],
    ['the environment', {}, '0'],
  ])('is turned off by %s', async (_, options, environment) => {
    vi.stubEnv('INVERSEFORM_MODEL_CACHE', environment)
    expect(await logitsOf({ checkpoint, ...options })).toBe(expected)
    expect(await readdir(cache)).toEqual([])
  })

  test('stays within its limit; the least recently used model goes first', async () => {
    // Two of three models of 12.5 MB, and one with the edge head.
    vi.stubEnv('INVERSEFORM_MODEL_CACHE', String(30 / 1024))
    await logitsOf({ checkpoint })
    const first = await onlyModel()
    await logitsOf({ checkpoint, edgeHead: true })
    const second = (await listCachedModels()).find(({ folder }) => folder !== first)?.folder as string
    await utimes(join(second, 'manifest.json'), longAgo, new Date('2021-01-01'))
    expect(await logitsOf({ checkpoint })).toBe(expected)
    const bytes = await readFile(checkpoint)
    bytes.fill(0, bytes.length - 100_000)
    await logitsOf({ checkpoint: bytes })
    const folders = (await listCachedModels()).map(({ folder }) => folder)
    expect(folders).toHaveLength(2)
    expect(folders).toContain(first)
    expect(folders).not.toContain(second)
  })

  test('forgets what processes left that were killed', async () => {
    await mkdir(join(cache, 'models', '.new-killed'), { recursive: true })
    await mkdir(join(cache, 'models', '.new-running'))
    await utimes(join(cache, 'models', '.new-killed'), longAgo, longAgo)
    await logitsOf({ checkpoint })
    expect(await leftovers()).toEqual(['.new-running'])
  })

  test('is cleared as a whole', async () => {
    await logitsOf({ checkpoint })
    const models = await listCachedModels()
    expect(models).toEqual([
      { folder: expect.any(String), bytes: expect.any(Number), usedAt: expect.any(Date) },
    ])
    expect(models[0].bytes).toBeGreaterThan(12_000_000)
    expect(await clearCachedModels()).toEqual(models)
    expect(await listCachedModels()).toEqual([])
    expect(await clearCachedModels()).toEqual([])
  })

  test('has a limit in GiB', () => {
    expect(modelCacheBytes({})).toBe(4 * 2 ** 30)
    expect(modelCacheBytes({ INVERSEFORM_MODEL_CACHE: '0.5' })).toBe(2 ** 29)
    for (const text of ['-1', 'much', 'NaN']) {
      expect(() => modelCacheBytes({ INVERSEFORM_MODEL_CACHE: text })).toThrow(
        '`INVERSEFORM_MODEL_CACHE` must be a number of GiB, or 0 to keep no models, got',
      )
    }
  })
})

describe('the hash of a checkpoint', () => {
  const wrong = 'a'.repeat(64)
  /** Writes a file and replaces its kept hash, if there is one, so that a result shows whether the file was read. */
  async function hashTwice(path: string): Promise<string | undefined> {
    await contentHashOf(path, cache).sha256
    const index = join(cache, 'checkpoints.json')
    const text = await readFile(index, 'utf8').catch(() => '{}')
    await writeFile(index, text.replace(/[0-9a-f]{64}/, wrong))
    return contentHashOf(path, cache).sha256
  }

  test('is kept, but not for a file that was changed just now', async () => {
    const path = join(cache, 'checkpoint')
    await writeFile(path, 'weights')
    // Its time can be set, but not the time of that change.
    await utimes(path, longAgo, longAgo)
    const right = sha256(Buffer.from('weights'))
    expect(await hashTwice(path)).toBe(right)
    const now = Date.now()
    vi.spyOn(Date, 'now').mockReturnValue(now + 10_000)
    expect(await hashTwice(path)).toBe(wrong)
    await rm(path)
    await writeFile(path, 'WEIGHTS')
    await utimes(path, longAgo, longAgo)
    expect(await contentHashOf(path, cache).sha256).toBe(sha256(Buffer.from('WEIGHTS')))
  })

  test('is none for a file that is not there; a change afterwards is noticed', async () => {
    const path = join(cache, 'checkpoint')
    expect(await contentHashOf(path, cache).sha256).toBeUndefined()
    await writeFile(path, 'weights')
    const content = contentHashOf(path, cache)
    await content.sha256
    expect(await content.isUnchanged()).toBe(true)
    await writeFile(path, 'WEIGHTS')
    expect(await content.isUnchanged()).toBe(false)
  })
})
