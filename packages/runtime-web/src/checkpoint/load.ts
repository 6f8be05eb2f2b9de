import { type ByteSource, blobSource, bytesSource, type LoadedModel, openModel } from '@inverseform/backbones'
import { isInverseFormError } from '@inverseform/errors'
import type { LoadProgress } from '@inverseform/runtime'
import type { Device } from '../devices/devices.js'
import { download } from '../download/download.js'
import { urlName } from '../download/page-url.js'
import type { SegmenterSettings } from '../options.js'
import {
  type CacheEntry,
  clearCachedCheckpoints,
  findCheckpoint,
  storeCheckpoint,
  VALIDATORS,
} from './cache.js'
import { checkSha256, sha256Of } from './sha256.js'

/** Where a checkpoint came from. */
export interface CheckpointOrigin {
  /** Length of the file. */
  readonly bytes: number
  /**
   * SHA-256 of the file, in lower-case hexadecimal. It is not computed for a file that is neither cached nor checked
   * against the option `sha256`.
   */
  readonly sha256?: string
  readonly from: 'network' | 'cache' | 'memory'
  /** Why the browser did not cache the file, as a sentence. */
  readonly notCached?: string
}

type OnProgress = (progress: LoadProgress<Device>) => void

/**
 * Loads the model of a checkpoint. Responses that are not checkpoints, such as a 404 page, are not cached.
 * @throws as `download`, `checkSha256` and `openModel`
 */
export async function loadCheckpoint(
  settings: SegmenterSettings,
  onProgress: OnProgress,
): Promise<{ model: LoadedModel; origin: CheckpointOrigin }> {
  const { source, origin } = await openSource(settings, onProgress)
  try {
    return { model: await openModel(source, settings), origin }
  } catch (error) {
    const isDamaged = isInverseFormError(error) && error.code === 'invalid-checkpoint'
    if (isDamaged && 'url' in settings.checkpoint) await clearCachedCheckpoints(settings.checkpoint.url)
    throw error
  }
}

async function openSource(
  settings: SegmenterSettings,
  onProgress: OnProgress,
): Promise<{ source: ByteSource; origin: CheckpointOrigin }> {
  const { checkpoint, sha256 } = settings
  if ('url' in checkpoint) {
    const { bytes, origin } = await fetchCheckpoint({ ...settings, url: checkpoint.url }, onProgress)
    return { source: bytesSource(bytes, urlName(checkpoint.url)), origin }
  }
  const source =
    checkpoint instanceof Blob ? blobSource(checkpoint) : bytesSource(checkpoint, 'The checkpoint')
  const origin = { bytes: source.size, from: 'memory' } as const
  if (!sha256) return { source, origin }
  const bytes = (await source.read(0, source.size)) as Uint8Array<ArrayBuffer>
  const name = source.name ?? 'The checkpoint'
  return {
    source: bytesSource(bytes, name),
    origin: { ...origin, sha256: await checkSha256(bytes, sha256, name) },
  }
}

type CheckpointRequest = Pick<SegmenterSettings, 'headers' | 'cache' | 'sha256'> & { readonly url: string }

/** How long a server may take to answer whether a file has changed, in milliseconds. */
const ANSWER_TIMEOUT = 10_000

/** Statuses of a server that is temporarily unavailable. */
const UNAVAILABLE: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/**
 * Reads the checkpoint of a URL from the cache if it is current there, else downloads and caches it.
 * @throws as `download` and `checkSha256`
 */
export async function fetchCheckpoint(
  request: CheckpointRequest,
  onProgress: OnProgress,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; origin: CheckpointOrigin }> {
  const { url, headers } = request
  const uncached = whyUncached(request)
  const entry = uncached ? undefined : await findCheckpoint(url)
  if (entry && (await isCurrent(entry, request))) {
    const { bytes: total, sha256 } = entry.checkpoint
    const bytes = await entry.read((loaded) => onProgress({ stage: 'cache', loaded, total }))
    if (bytes) return { bytes, origin: { bytes: total, sha256, from: 'cache' } }
    await clearCachedCheckpoints(url)
  }
  const { bytes, headers: response } = await download(url, {
    headers,
    // The browser's HTTP cache may hold a file that the server has replaced.
    cache: uncached ? 'default' : 'no-cache',
    onProgress: (loaded, total) => onProgress({ stage: 'download', loaded, total }),
  })
  const checked = request.sha256 && (await checkSha256(bytes, request.sha256, urlName(url)))
  const origin = { bytes: bytes.byteLength, from: 'network' } as const
  if (uncached) return { bytes, origin: { ...origin, sha256: checked, notCached: uncached } }
  const sha256 = checked || (await sha256Of(bytes))
  const notCached = await storeCheckpoint(url, bytes, { sha256, response })
  return { bytes, origin: { ...origin, sha256, notCached } }
}

/** Returns why the cache is not used, as a sentence; undefined if it is. */
function whyUncached({ url, headers = {}, cache }: CheckpointRequest): string | undefined {
  if (cache === false) return 'The option `cache` is false.'
  if (cache === undefined && Object.keys(headers).length > 0) {
    return 'A response to `headers` may be private: it is cached only if `cache` is true.'
  }
  if (!/^https?:/.test(url)) return 'Only http and https URLs are cached.'
  if (!isSecureContext) return 'Browsers cache only on secure pages: https or localhost.'
  return undefined
}

/** Returns whether to use the cached file: it is unchanged on the server, or the server cannot be reached. */
async function isCurrent(entry: CacheEntry, { url, headers, sha256 }: CheckpointRequest): Promise<boolean> {
  if (sha256) return sha256 === entry.checkpoint.sha256
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT)
  let answer: Response
  try {
    answer = await fetch(url, { method: 'HEAD', headers, cache: 'no-cache', signal })
  } catch {
    return true
  }
  return UNAVAILABLE.has(answer.status) || (answer.ok && isUnchanged(entry.headers, answer.headers))
}

/**
 * Returns whether all validators that both have are equal. An equal length alone proves nothing: new weights of the same
 * network have the same length.
 */
function isUnchanged(cached: Headers, current: Headers): boolean {
  const shared = VALIDATORS.filter((name) => cached.has(name) && current.has(name))
  return (
    shared.some((name) => name !== 'content-length') &&
    shared.every((name) => cached.get(name) === current.get(name))
  )
}
