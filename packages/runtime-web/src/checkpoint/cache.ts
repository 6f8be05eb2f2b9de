import { readBody } from '../download/body.js'
import { pageUrl } from '../download/page-url.js'
import { sha256Of } from './sha256.js'

/** Name of the cache in the Cache API that holds this site's checkpoints. */
const CACHE = 'inverseform-weights-v1'

/** Headers that this package adds to an entry; the others are the server's. */
const SHA256 = 'x-inverseform-sha256'
const BYTES = 'x-inverseform-bytes'
const STORED_AT = 'x-inverseform-stored-at'

/** Headers that show whether a file on a server has changed. */
export const VALIDATORS = ['etag', 'last-modified', 'content-length'] as const

/** A checkpoint in the browser's cache. */
export interface CachedCheckpoint {
  readonly url: string
  /** SHA-256 of the bytes, in lower-case hexadecimal. */
  readonly sha256: string
  readonly bytes: number
  readonly storedAt: Date
}

/** Lists the cached checkpoints of this origin; none if there is no Cache API. */
export async function listCachedCheckpoints(): Promise<CachedCheckpoint[]> {
  const cache = await openCache()
  if (!cache) return []
  const requests = await cache.keys()
  const entries = await Promise.all(requests.map(({ url }) => find(cache, url)))
  return entries.filter((entry) => entry !== undefined).map(({ checkpoint }) => checkpoint)
}

/**
 * Removes cached checkpoints.
 *
 * @param url which checkpoint to remove, absolute or relative to the page; all of them by default
 * @returns the number of checkpoints that were removed
 */
export async function clearCachedCheckpoints(url?: string | URL): Promise<number> {
  const cache = await openCache()
  if (!cache) return 0
  const urls = url === undefined ? (await cache.keys()).map(({ url }) => url) : [pageUrl(url)]
  const removed = await Promise.all(urls.map((url) => cache.delete(url)))
  return removed.filter(Boolean).length
}

export interface CacheEntry {
  readonly checkpoint: CachedCheckpoint
  /** Includes the `VALIDATORS` that the server sent. */
  readonly headers: Headers
  /** Reads the bytes; returns undefined if they are damaged. */
  read(onProgress: (loaded: number) => void): Promise<Uint8Array<ArrayBuffer> | undefined>
}

/** Finds the cached checkpoint of a URL; returns undefined if the browser cannot read its cache. */
export async function findCheckpoint(url: string): Promise<CacheEntry | undefined> {
  try {
    const cache = await openCache()
    return cache && (await find(cache, url))
  } catch {
    return undefined
  }
}

/**
 * Stores the checkpoint of a URL, and replaces an older one.
 *
 * @param response the headers that the checkpoint came with
 * @returns the reason as a sentence if the browser does not store it
 */
export async function storeCheckpoint(
  url: string,
  bytes: Uint8Array<ArrayBuffer>,
  { sha256, response }: { readonly sha256: string; readonly response: Headers },
): Promise<string | undefined> {
  const headers = new Headers({
    'content-type': 'application/octet-stream',
    [SHA256]: sha256,
    [BYTES]: String(bytes.byteLength),
    [STORED_AT]: new Date().toISOString(),
  })
  for (const name of VALIDATORS) {
    const value = response.get(name)
    if (value) headers.set(name, value)
  }
  try {
    const cache = await caches.open(CACHE)
    // Deleted first, so that the quota need not hold both.
    await cache.delete(url)
    await cache.put(url, new Response(streamOf(bytes), { headers }))
    return undefined
  } catch (cause) {
    const { name, message } = cause as Error
    return name === 'QuotaExceededError'
      ? `The browser has no room for ${bytes.byteLength} more bytes of this site.`
      : `The browser did not store it: ${message.replace(/\.+$/, '')}.`
  }
}

/** Returns undefined on insecure pages, in sandboxed frames, and in some browsers' private windows. */
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
  const checkpoint = {
    url,
    sha256: headers.get(SHA256) ?? '',
    bytes: Number(headers.get(BYTES)),
    storedAt: new Date(headers.get(STORED_AT) ?? 0),
  }
  return {
    checkpoint,
    headers,
    async read(onProgress) {
      try {
        const bytes = await readBody(response, checkpoint.bytes, onProgress)
        return (await sha256Of(bytes)) === checkpoint.sha256 ? bytes : undefined
      } catch {
        return undefined
      }
    },
  }
}

const CHUNK_BYTES = 2 ** 20

/** Returns a stream over bytes; a response made from the bytes themselves would copy them all. */
function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let start = 0
  return new ReadableStream({
    pull(controller) {
      if (start < bytes.byteLength) controller.enqueue(bytes.subarray(start, (start += CHUNK_BYTES)))
      else controller.close()
    },
  })
}
