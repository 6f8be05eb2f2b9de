import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { makeFolder, readRegularFile, writeWholeFile } from '@inverseform/shared/node'
import type { ContentHash } from './content-hash.js'
import { type FileHash, hashFile } from './hash-file.js'

/** Names of the files of a cached model. */
export const MODEL_FILE = 'model.onnx'
export const WEIGHT_FILE = 'weights.bin'
const MANIFEST = 'manifest.json'

/** A model that was found in the cache. */
export interface FoundModel {
  /** The ONNX model, which is intact. Its weights are in `folder`. */
  readonly model: Uint8Array
  readonly folder: string
  /** Whether the weights are intact, which another thread finds out. A damaged model is removed. */
  readonly isIntact: Promise<boolean>
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

  /**
   * Returns the key of a model; undefined if the checkpoint is unknown.
   * @param parts whatever the cached files depend on, beside the checkpoint
   */
  async keyOf(parts: readonly (string | Uint8Array)[]): Promise<string | undefined> {
    const content = await this.#options.content.sha256
    if (content === undefined) return undefined
    const hash = createHash('sha256')
    for (const part of [content, ...parts]) hash.update(part).update('\0')
    return hash.digest('hex')
  }

  async find(key: string): Promise<FoundModel | undefined> {
    const folder = join(this.#options.folder, key)
    try {
      const { files } = await readManifest(folder, key)
      const weights = hashFile(join(folder, WEIGHT_FILE), 'crc32')
      const model = await readRegularFile(join(folder, MODEL_FILE), { maxBytes: files[MODEL_FILE].bytes })
      const isIntact = weights.then(async (hash) => {
        if (isEqual(hash, files[WEIGHT_FILE])) return true
        await remove(folder)
        return false
      })
      if (!isEqual({ bytes: model.byteLength, hash: crcOf(model) }, files[MODEL_FILE])) {
        await remove(folder)
        return undefined
      }
      const now = new Date()
      // The time of the last use decides what is removed first. An administrator's folder stays as it is.
      await utimes(join(folder, MANIFEST), now, now).catch(() => {})
      return { model, folder, isIntact }
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
        const hashes = await Promise.all(names.map((name) => hashFile(join(folder, name), 'crc32')))
        const bytes = hashes.reduce((total, hash) => total + (hash?.bytes ?? Number.NaN), 0)
        if (!(bytes <= maxBytes) || !(await content.isUnchanged())) return
        const files = Object.fromEntries(names.map((name, i) => [name, hashes[i]]))
        await writeWholeFile(join(folder, MANIFEST), `${JSON.stringify({ key, files }, null, 2)}\n`)
        await makeRoom(cache, maxBytes - bytes)
        await remove(join(cache, key))
        await rename(folder, join(cache, key))
      }
      return {
        folder,
        discard,
        publish: () =>
          publish()
            .catch(() => {})
            .finally(discard),
      }
    } catch {
      return undefined
    }
  }
}

interface Manifest {
  readonly key: string
  readonly files: Readonly<Record<string, FileHash>>
}

const MAX_MANIFEST_BYTES = 2 ** 16

async function readManifest(folder: string, key: string): Promise<Manifest> {
  const bytes = await readRegularFile(join(folder, MANIFEST), { maxBytes: MAX_MANIFEST_BYTES })
  const manifest = JSON.parse(new TextDecoder().decode(bytes)) as Manifest
  const hashes = [MODEL_FILE, WEIGHT_FILE].map((name) => manifest.files[name]?.hash)
  if (manifest.key === key && hashes.every((hash) => typeof hash === 'string')) return manifest
  throw new Error('This is not the manifest of the model.')
}

const crcOf = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(8, '0')

const isEqual = (a: FileHash | undefined, b: FileHash) => a?.bytes === b.bytes && a.hash === b.hash

/** Folders with these names are being written or removed; those of killed processes stay. */
const unfinished = /^\.(new|old)-/
const STALE = 24 * 60 * 60 * 1000

/** Removes the least recently used models until at most so many bytes remain, and what killed processes left. */
async function makeRoom(cache: string, maxBytes: number): Promise<void> {
  const entries = await modelsIn(cache)
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { folder, bytes } of entries.sort((a, b) => a.usedAt.getTime() - b.usedAt.getTime())) {
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

/** A converted model in the cache folder. */
export interface CachedModel {
  readonly folder: string
  readonly bytes: number
  /** When it was last loaded or kept. */
  readonly usedAt: Date
}

/** Lists the models in a folder; none if there is no folder. */
export async function modelsIn(cache: string): Promise<CachedModel[]> {
  const names = (await readdir(cache).catch(() => [])).filter((name) => /^[0-9a-f]{64}$/.test(name))
  const models = names.map(async (name) => {
    const folder = join(cache, name)
    try {
      const files = await Promise.all((await readdir(folder)).map((file) => stat(join(folder, file))))
      const manifest = await stat(join(folder, MANIFEST)).catch(() => undefined)
      const bytes = files.reduce((sum, { size }) => sum + size, 0)
      return { folder, bytes, usedAt: manifest?.mtime ?? new Date(0) }
    } catch {
      // Another process has removed it.
      return undefined
    }
  })
  return (await Promise.all(models)).filter((model) => model !== undefined)
}

/** Removes a model. Nobody finds half of it: its folder is renamed first. */
export async function remove(folder: string): Promise<void> {
  const aside = join(folder, '..', `.old-${randomUUID()}`)
  try {
    await rename(folder, aside)
    await rm(aside, { recursive: true, force: true })
  } catch {
    // It does not exist, or, on Windows, a process has mapped it: it is removed another time.
  }
}
