import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { makeFolder, readRegularFile, writeWholeFile } from '@inverseform/shared/node'
import type { ContentHash } from './content-hash.js'

/** Names of the files of a cached model. */
export const MODEL_FILE = 'model.onnx'
export const WEIGHT_FILE = 'weights.bin'
const MANIFEST = 'manifest.json'

/** A cached model, whose bytes were just compared with its checksums. */
export interface CachedModel {
  /** The ONNX model, whose weights are in `folder`. */
  readonly model: Uint8Array
  readonly folder: string
}

/** A model that is being written. */
export interface NewModel {
  /** An empty folder for the two files. */
  readonly folder: string
  /** Makes the model available, unless the checkpoint has changed since. */
  publish(): Promise<void>
  discard(): Promise<void>
}

export interface ModelCacheOptions {
  readonly folder: string
  /** Least recently used models are removed beyond this. */
  readonly maxBytes: number
  /** The checkpoint that models are made from. */
  readonly content: ContentHash
}

/**
 * Keeps models, each in a folder that appears and disappears by renaming. So threads and processes may write, read and remove at
 * once. A cache never fails: what it cannot keep or read is made again.
 */
export class ModelCache {
  readonly #options: ModelCacheOptions

  constructor(options: ModelCacheOptions) {
    this.#options = options
  }

  /** @param parts whatever else the cached files depend on */
  keyOf(parts: readonly (string | Uint8Array)[]): string {
    const hash = createHash('sha256')
    for (const part of [this.#options.content.sha256, ...parts]) hash.update(part).update('\0')
    return hash.digest('hex')
  }

  async find(key: string): Promise<CachedModel | undefined> {
    const folder = join(this.#options.folder, key)
    try {
      const { files } = await readManifest(folder, key)
      const model = await readRegularFile(join(folder, MODEL_FILE), { maxBytes: files[MODEL_FILE].bytes })
      const read: FileSum = { bytes: model.byteLength, crc32: crc32(model) }
      const weights = await sumOf(join(folder, WEIGHT_FILE), files[WEIGHT_FILE].bytes)
      if (!isEqual(read, files[MODEL_FILE]) || !isEqual(weights, files[WEIGHT_FILE])) {
        await remove(folder)
        return undefined
      }
      const now = new Date()
      // The time of the last use decides what is removed first. An administrator's folder stays as it is.
      await utimes(join(folder, MANIFEST), now, now).catch(() => {})
      return { model, folder }
    } catch {
      return undefined
    }
  }

  /** Prepares to add a model; returns undefined where nothing can be written. */
  async begin(key: string): Promise<NewModel | undefined> {
    const { folder: cache, maxBytes, content } = this.#options
    try {
      await makeFolder(cache)
      const folder = await mkdtemp(join(cache, '.new-'))
      const discard = () => rm(folder, { recursive: true, force: true }).catch(() => {})
      const publish = async () => {
        const names = [MODEL_FILE, WEIGHT_FILE]
        const sums = await Promise.all(names.map((name) => sumOf(join(folder, name))))
        const bytes = sums.reduce((total, sum) => total + sum.bytes, 0)
        if (bytes > maxBytes || !(await content.isUnchanged())) return
        const files = Object.fromEntries(names.map((name, i) => [name, sums[i]]))
        await writeWholeFile(join(folder, MANIFEST), `${JSON.stringify({ key, files }, null, 2)}\n`)
        await makeRoom(cache, maxBytes - bytes)
        await remove(join(cache, key))
        await rename(folder, join(cache, key))
      }
      return { folder, discard, publish: () => publish().catch(() => {}).finally(discard) }
    } catch {
      return undefined
    }
  }
}

interface FileSum {
  readonly bytes: number
  readonly crc32: number
}

interface Manifest {
  readonly key: string
  readonly files: Readonly<Record<string, FileSum>>
}

const MAX_MANIFEST_BYTES = 2 ** 16

async function readManifest(folder: string, key: string): Promise<Manifest> {
  const bytes = await readRegularFile(join(folder, MANIFEST), { maxBytes: MAX_MANIFEST_BYTES })
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as Manifest
  if (manifest.key !== key) throw new Error('This is the manifest of another model.')
  return manifest
}

const isEqual = (a: FileSum, b: FileSum) => a.bytes === b.bytes && a.crc32 === b.crc32

/** Reads a file, or at most one byte more than it should have. */
async function sumOf(path: string, expected = Number.POSITIVE_INFINITY): Promise<FileSum> {
  let [bytes, sum] = [0, 0]
  for await (const part of createReadStream(path, { highWaterMark: 2 ** 20, end: expected })) {
    bytes += part.byteLength
    sum = crc32(part, sum)
  }
  return { bytes, crc32: sum }
}

/** Folders with these names are being written or removed; those of killed processes stay. */
const unfinished = /^\.(new|old)-/
const STALE = 24 * 60 * 60 * 1000

/** Removes the least recently used models until at most so many bytes remain, and what killed processes left. */
async function makeRoom(cache: string, maxBytes: number): Promise<void> {
  const entries = await listCachedModels(cache)
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { folder, bytes } of entries.sort((a, b) => a.usedAt - b.usedAt)) {
    if (total <= maxBytes) break
    await remove(folder)
    total -= bytes
  }
  for (const name of await readdir(cache)) {
    if (!unfinished.test(name)) continue
    const { mtimeMs } = await stat(join(cache, name))
    if (Date.now() - mtimeMs > STALE) await rm(join(cache, name), { recursive: true, force: true })
  }
}

export interface CachedModelInfo {
  readonly folder: string
  readonly bytes: number
  /** Milliseconds since 1970. */
  readonly usedAt: number
}

/** Lists the models in a cache folder; none if there is no folder. */
export async function listCachedModels(cache: string): Promise<CachedModelInfo[]> {
  const names = (await readdir(cache).catch(() => [])).filter((name) => /^[0-9a-f]{64}$/.test(name))
  const infos = names.map(async (name) => {
    const folder = join(cache, name)
    try {
      const files = await Promise.all((await readdir(folder)).map((file) => stat(join(folder, file))))
      const manifest = await stat(join(folder, MANIFEST)).catch(() => undefined)
      const bytes = files.reduce((sum, { size }) => sum + size, 0)
      return { folder, bytes, usedAt: manifest?.mtimeMs ?? 0 }
    } catch {
      // Another process has removed it.
      return undefined
    }
  })
  return (await Promise.all(infos)).filter((info) => info !== undefined)
}

/** Removes a model. Nobody finds half of it: its folder is renamed first. */
async function remove(folder: string): Promise<void> {
  const aside = join(folder, '..', `.old-${randomUUID()}`)
  try {
    await rename(folder, aside)
    await rm(aside, { recursive: true, force: true })
  } catch {
    // It does not exist, or, on Windows, a process has mapped it: it is removed another time.
  }
}
