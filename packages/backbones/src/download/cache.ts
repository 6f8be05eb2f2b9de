import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  fileError,
  inverseFormCache,
  makeFolder,
  readRegularFile,
  sha256Of,
  whileWriting,
  writeWholeFile,
} from '@inverseform/shared/node'
import { openCheckpoint } from '../checkpoint/open.js'
import { isOnnx, SNIFF_SIZE } from '../checkpoint/sniff.js'
import { fileSource } from '../io/file-source.js'
import { identifyModel, type ModelName } from '../models/identify.js'
import { describeOnnx } from '../onnx/describe.js'
import { MAX_RECORD_BYTES } from './partial-file.js'
import { publishedFiles } from './published-files.js'

export interface CheckpointCacheOptions {
  /** The cache folder; by default INVERSEFORM_CACHE, or else `inverseform` in the user's cache folder. */
  readonly cacheFolder?: string
}

/** A checkpoint in the cache folder. */
export interface CachedCheckpoint {
  readonly path: string
  /** The published model whose checkpoint it is. */
  readonly model?: ModelName
  /** Where it came from; undefined for a file that was put there by hand. */
  readonly url?: string
  readonly bytes: number
  /** SHA-256 of the bytes when they were stored, in lower-case hexadecimal; undefined before the first use of a file put there by hand. */
  readonly sha256?: string
  readonly storedAt?: Date
}

type CacheRecord = Required<Pick<CachedCheckpoint, 'bytes' | 'sha256' | 'storedAt'>> & {
  readonly url?: string
}

const recordPath = (path: string) => `${path}.json`

/** Returns the folder of the checkpoints in the cache. @throws InverseFormError `not-found` for a user without a home */
export function checkpointFolder({ cacheFolder }: CheckpointCacheOptions): string {
  const cache = cacheFolder ?? inverseFormCache()
  if (cache !== undefined) return join(cache, 'checkpoints')
  throw new InverseFormError('not-found', 'There is no cache folder: this user has no home folder.', {
    hint: 'Set INVERSEFORM_CACHE to a folder for downloaded checkpoints.',
  })
}

/** Creates the folder of a file in the cache. @throws InverseFormError `write-failed` */
export async function makeCacheFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder)
  } catch (cause) {
    const { message } = cause as Error
    throw new InverseFormError('write-failed', message, {
      hint: 'Set INVERSEFORM_CACHE to a folder that you may write to.',
      cause,
    })
  }
}

/**
 * Lists the checkpoints in the cache.
 * @throws InverseFormError `unreadable`
 */
export async function listCachedCheckpoints(
  options: CheckpointCacheOptions = {},
): Promise<CachedCheckpoint[]> {
  const folder = checkpointFolder(options)
  const paths = (await namesIn(folder)).filter(isCheckpointName).map((name) => join(folder, name))
  const entries = await Promise.all(paths.map(entryAt))
  return entries.filter((entry) => entry !== undefined)
}

/**
 * Removes checkpoints from the cache, with what is there of unfinished downloads.
 *
 * @param path which checkpoint to remove, as `listCachedCheckpoints` names it; all of them by default
 * @returns the number of checkpoints that were removed
 * @throws InverseFormError `write-failed`
 */
export async function clearCachedCheckpoints(
  path?: string,
  options: CheckpointCacheOptions = {},
): Promise<number> {
  const folder = checkpointFolder(options)
  const names = await namesIn(folder)
  const chosen = path === undefined ? names : names.filter((name) => belongsTo(name, basename(path)))
  for (const name of chosen) {
    const each = join(folder, name)
    await whileWriting(each, rm(each, { force: true }))
  }
  return chosen.filter(isCheckpointName).length
}

/** Files beside a checkpoint end in these. */
const companions = /(\.part|\.json|\.lock(\.[0-9a-f-]+)?|^\.inverseform-.*\.tmp)$/

const isCheckpointName = (name: string) => !companions.test(name)

const belongsTo = (name: string, checkpoint: string) =>
  name === checkpoint || (name.startsWith(`${checkpoint}.`) && companions.test(name))

async function namesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw fileError(folder, error)
  }
}

async function entryAt(path: string): Promise<CachedCheckpoint | undefined> {
  const size = await sizeOf(path)
  if (size === undefined) return undefined
  const model = publishedFiles.find(({ file }) => file === basename(path))?.model
  return { path, model, ...(await readRecord(path)), bytes: size }
}

/** What became of a file in the cache: it is as it was stored, it is not there, or something is wrong with it. */
export type CacheState = 'intact' | 'missing' | { readonly damage: string }

/**
 * Compares a file in the cache with what was recorded when it was stored. A file that somebody put there by hand is recorded now.
 * @throws the signal's reason when it is aborted
 */
export async function checkCached(
  path: string,
  model: ModelName | undefined,
  signal?: AbortSignal,
): Promise<CacheState> {
  const size = await sizeOf(path)
  if (size === undefined) return 'missing'
  const record = await readRecord(path)
  if (record === undefined) {
    const damage = await damageOf(path, model, signal)
    if (damage !== undefined) return { damage }
    // A folder that cannot be written may have been filled by its administrator.
    await store(path, { signal }).catch((error) => {
      if (!isInverseFormError(error) || error.code !== 'write-failed') throw error
    })
    return 'intact'
  }
  const { bytes, sha256, storedAt } = record
  const date = storedAt.toISOString().slice(0, 10)
  if (size !== bytes) return { damage: `it has ${size} bytes, but had ${bytes} on ${date}` }
  const found = await sha256Of(path, signal)
  if (found === sha256) return 'intact'
  return { damage: `its SHA-256 is ${found}, but was ${sha256} on ${date}` }
}

/** Records what a complete file is like, for every later use. */
export async function store(
  path: string,
  { sha256, url, signal }: { readonly sha256?: string; readonly url?: string; readonly signal?: AbortSignal },
): Promise<void> {
  const record = {
    url,
    bytes: await sizeOf(path),
    sha256: sha256 ?? (await sha256Of(path, signal)),
    storedAt: new Date(),
  }
  await writeWholeFile(recordPath(path), `${JSON.stringify(record, null, 2)}\n`)
}

/** Returns what was recorded about a file; undefined without a record or for one that is damaged. */
export async function readRecord(path: string): Promise<CacheRecord | undefined> {
  try {
    const bytes = await readRegularFile(recordPath(path), { maxBytes: MAX_RECORD_BYTES })
    const { url, bytes: size, sha256, storedAt } = JSON.parse(new TextDecoder().decode(bytes))
    const date = new Date(storedAt)
    const valid = Number.isSafeInteger(size) && /^[0-9a-f]{64}$/.test(sha256) && !Number.isNaN(date.getTime())
    if (!valid) return undefined
    return { url: typeof url === 'string' ? url : undefined, bytes: size, sha256, storedAt: date }
  } catch {
    return undefined
  }
}

/** Removes the record of a file that is about to be replaced. */
export const removeRecord = (path: string) =>
  whileWriting(recordPath(path), rm(recordPath(path), { force: true }))

/**
 * Returns what is wrong with a file that should be a checkpoint; undefined if nothing is. It need not be of a published model,
 * but must not be of another one than its name says.
 */
export async function damageOf(
  path: string,
  model: ModelName | undefined,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    await using source = await fileSource(path)
    if (isOnnx(await source.read(0, Math.min(SNIFF_SIZE, source.size)))) {
      await describeOnnx(source, { signal })
      return undefined
    }
    const found = identifyModel(await openCheckpoint(source, { signal }))
    if (model === undefined || found === undefined || found === model) return undefined
    return `it is the checkpoint of ${found}, not of ${model}`
  } catch (error) {
    signal?.throwIfAborted()
    if (!isInverseFormError(error) || error.code !== 'invalid-checkpoint') return undefined
    // Such a file is complete, and has several state dicts: an option tells later which of them to use.
    if ('candidates' in error.details) return undefined
    return error.message.replace(`${path}: `, '').replace(/\.$/, '')
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  const info = await stat(path).catch(() => undefined)
  return info?.isFile() ? info.size : undefined
}
