import { download } from './download.js'
import type { LoadProgress, SegmenterSettings } from './options.js'
import { urlName } from './page-url.js'
import { requireSha256, sha256Of } from './sha256.js'
import { type CacheEntry, clearCachedWeights, findWeights, storeWeights, VALIDATORS } from './weight-cache.js'

/** Where a checkpoint came from. */
export interface Weights {
  /** Length of the file. */
  readonly bytes: number
  /** Of the file, in lower-case hexadecimal; of one that is neither cached nor given a `sha256` it is not computed. */
  readonly sha256?: string
  readonly from: 'network' | 'cache' | 'memory'
  /** Why the next load downloads it again: a sentence. */
  readonly notCached?: string
}

export interface LoadedWeights {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly weights: Weights
}

type WeightsRequest = Pick<SegmenterSettings, 'headers' | 'cache' | 'sha256'> & { readonly url: string }

/** How long a server may take to say whether a file is still the same, in milliseconds. */
const ANSWER_TIMEOUT = 10_000

/** Statuses of a server that is there, but not to be had. */
const UNAVAILABLE: ReadonlySet<number> = new Set([429, 500, 502, 503, 504])

/**
 * The bytes of a URL: those that the browser keeps, if they are what the server has or what `sha256` asks for, else
 * downloaded and kept.
 * @throws what `download` and `requireSha256` throw
 */
export async function loadWeights(
  request: WeightsRequest,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadedWeights> {
  const { url, headers } = request
  const unwanted = whyUncached(request)
  const entry = unwanted ? undefined : await findWeights(url)
  if (entry && (await isCurrent(entry, request))) {
    const { bytes: total, sha256 } = entry.weights
    const bytes = await entry.read((loaded) => onProgress({ stage: 'cache', loaded, total }))
    if (bytes) return { bytes, weights: { bytes: total, sha256, from: 'cache' } }
    await clearCachedWeights(url)
  }
  const { bytes, headers: answer } = await download(url, {
    headers,
    // The browser's own cache may have what the server has no more.
    cache: unwanted ? 'default' : 'no-cache',
    onProgress: (loaded, total) => onProgress({ stage: 'download', loaded, total }),
  })
  const checked = request.sha256 && (await requireSha256(bytes, request.sha256, urlName(url)))
  const weights = { bytes: bytes.byteLength, from: 'network' } as const
  if (unwanted) return { bytes, weights: { ...weights, sha256: checked, notCached: unwanted } }
  const sha256 = checked || (await sha256Of(bytes))
  const notCached = await storeWeights(url, bytes, { sha256, answer })
  return { bytes, weights: { ...weights, sha256, notCached } }
}

/** Why the cache is neither asked nor filled. */
function whyUncached({ url, headers = {}, cache }: WeightsRequest): string | undefined {
  if (cache === false) return 'The option `cache` is false.'
  if (cache === undefined && Object.keys(headers).length > 0)
    return 'What is asked for with `headers` may be private: it is cached only when `cache` is true.'
  if (!/^https?:/.test(url)) return 'Only what is at an http or https URL is cached.'
  if (!isSecureContext) return 'Browsers cache on secure pages only: https, or localhost.'
  return undefined
}

/** Whether to use what is kept: a server that cannot be asked does not object. */
async function isCurrent(entry: CacheEntry, { url, headers, sha256 }: WeightsRequest): Promise<boolean> {
  if (sha256) return sha256 === entry.weights.sha256
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT)
  let answer: Response
  try {
    answer = await fetch(url, { method: 'HEAD', headers, cache: 'no-cache', signal })
  } catch {
    return true
  }
  return UNAVAILABLE.has(answer.status) || (answer.ok && isUnchanged(entry.headers, answer.headers))
}

/** Whether all that both tell is equal; a length alone proves nothing, as new weights of a network have the old one's. */
function isUnchanged(kept: Headers, now: Headers): boolean {
  const told = VALIDATORS.filter((name) => kept.has(name) && now.has(name))
  return (
    told.some((name) => name !== 'content-length') && told.every((name) => kept.get(name) === now.get(name))
  )
}
