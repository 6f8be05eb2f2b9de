import { pageUrl } from './page-url.js'
import { readBody } from './read-body.js'
import { sha256Of } from './sha256.js'

/** What the browser keeps of this site's checkpoints: the name of its cache in the Cache API. */
const CACHE = 'inverseform-weights-v1'

/** Ours, of an entry's headers; the others are the server's, as it gave them. */
const SHA256 = 'x-inverseform-sha256'
const BYTES = 'x-inverseform-bytes'
const STORED_AT = 'x-inverseform-stored-at'

/** Headers that tell whether a file on a server is still the same. */
export const VALIDATORS = ['etag', 'last-modified', 'content-length'] as const

/** A checkpoint that the browser keeps. */
export interface CachedWeights {
  readonly url: string
  /** Of the bytes, in lower-case hexadecimal. */
  readonly sha256: string
  readonly bytes: number
  readonly storedAt: Date
}

/** The checkpoints that the browser keeps for this origin; none where there is no Cache API. */
export async function listCachedWeights(): Promise<CachedWeights[]> {
  const cache = await openCache()
  if (!cache) return []
  const requests = await cache.keys()
  const entries = await Promise.all(requests.map(({ url }) => find(cache, url)))
  return entries.filter((entry) => entry !== undefined).map(({ weights }) => weights)
}

/**
 * Removes the checkpoint of a URL, which may be relative to the page, or all of them.
 * @returns how many were removed
 */
export async function clearCachedWeights(url?: string | URL): Promise<number> {
  const cache = await openCache()
  if (!cache) return 0
  const urls = url === undefined ? (await cache.keys()).map(({ url }) => url) : [pageUrl(url)]
  const removed = await Promise.all(urls.map((url) => cache.delete(url)))
  return removed.filter(Boolean).length
}

export interface CacheEntry {
  readonly weights: CachedWeights
  /** With those of `VALIDATORS` that the server gave. */
  readonly headers: Headers
  /** The bytes, or undefined when they are not those that were stored. */
  read(onProgress: (loaded: number) => void): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** What is kept of a URL; nothing where the browser cannot tell. */
export async function findWeights(url: string): Promise<CacheEntry | undefined> {
  try {
    const cache = await openCache()
    return cache && (await find(cache, url))
  } catch {
    return undefined
  }
}

/**
 * Keeps a checkpoint in place of what there was of its URL.
 * @param answer the headers that it came with
 * @returns a sentence that says why it is not kept, if so
 */
export async function storeWeights(
  url: string,
  bytes: Uint8Array<ArrayBuffer>,
  { sha256, answer }: { readonly sha256: string; readonly answer: Headers },
): Promise<string | undefined> {
  const headers = new Headers({
    'content-type': 'application/octet-stream',
    [SHA256]: sha256,
    [BYTES]: String(bytes.byteLength),
    [STORED_AT]: new Date().toISOString(),
  })
  for (const name of VALIDATORS) {
    const value = answer.get(name)
    if (value) headers.set(name, value)
  }
  try {
    const cache = await caches.open(CACHE)
    // First, so that there need not be room for both.
    await cache.delete(url)
    await cache.put(url, new Response(chunksOf(bytes), { headers }))
    return undefined
  } catch (cause) {
    const { name, message } = cause as Error
    return name === 'QuotaExceededError'
      ? `The browser has no room for ${bytes.byteLength} more bytes of this site.`
      : `The browser did not keep them: ${message.replace(/\.+$/, '')}.`
  }
}

/** Undefined on pages that are not secure, in sandboxed frames, and in some browsers' private windows. */
async function openCache(): Promise<Cache | undefined> {
  try {
    return await caches.open(CACHE)
  } catch {
    return undefined
  }
}

async function find(cache: Cache, url: string): Promise<CacheEntry | undefined> {
  const response = await cache.match(url)
  if (!response) return undefined
  const { headers } = response
  const weights = {
    url,
    sha256: headers.get(SHA256) ?? '',
    bytes: Number(headers.get(BYTES)),
    storedAt: new Date(headers.get(STORED_AT) ?? 0),
  }
  return {
    weights,
    headers,
    async read(onProgress) {
      try {
        const bytes = await readBody(response, weights.bytes, onProgress)
        return (await sha256Of(bytes)) === weights.sha256 ? bytes : undefined
      } catch {
        return undefined
      }
    },
  }
}

const CHUNK_BYTES = 2 ** 20

/** A stream over bytes, where a body of bytes would copy them all. */
function chunksOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let start = 0
  return new ReadableStream({
    pull(controller) {
      if (start < bytes.byteLength) controller.enqueue(bytes.subarray(start, (start += CHUNK_BYTES)))
      else controller.close()
    },
  })
}
