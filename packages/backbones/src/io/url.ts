import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { type ByteSource, bytesSource, checkRange } from './source.js'

export interface UrlSourceOptions {
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof fetch
  /** Headers of every request, for example for authorization. */
  readonly headers?: Readonly<Record<string, string>>
  /** Aborts current and later requests. */
  readonly signal?: AbortSignal
  /** Largest file in bytes to download whole from a server without range requests; 512 MiB by default. */
  readonly maxDownloadBytes?: number
}

/**
 * Opens a URL as a byte source that uses range requests. If the server answers the first request with the whole file,
 * the file is downloaded once, provided that its length is announced and allowed.
 *
 * @throws InverseFormError `not-found` (404, 410), `limit-exceeded` for a download that is too large, else `unreadable`;
 * an abort throws the signal's reason
 */
export async function urlSource(url: string | URL, options: UrlSourceOptions = {}): Promise<ByteSource> {
  const name = String(url)
  const first = await request(name, options, 0, 1)
  if (first.status === 416) {
    await first.body?.cancel()
    return bytesSource(new Uint8Array(0), name)
  }
  if (first.status === 200) return bytesSource(await download(name, first, options), name)
  const size = Number(/\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1] ?? Number.NaN)
  await first.body?.cancel()
  if (!Number.isSafeInteger(size)) {
    throw unreadable(
      `${name}: the server does not tell the file's size in Content-Range`,
      'In a browser, the server must expose the header: Access-Control-Expose-Headers: Content-Range.',
    )
  }
  const source: ByteSource = {
    name,
    size,
    async read(start, end) {
      checkRange(source, start, end)
      if (start === end) return new Uint8Array(0)
      const response = await request(name, options, start, end)
      const range = response.headers.get('content-range')
      if (response.status !== 206 || range !== `bytes ${start}-${end - 1}/${size}`) {
        await response.body?.cancel()
        throw unreadable(
          `${name}: the server answered a request for bytes ${start} to ${end} of ${size} with ${response.status} and ${range ?? 'no range'}`,
          'The file may have changed on the server: open it again.',
        )
      }
      return collect(name, response, end - start, options.signal)
    },
  }
  return source
}

/** Downloads the whole file from a server that ignores ranges. */
async function download(
  name: string,
  response: Response,
  { maxDownloadBytes = 512 * 2 ** 20, signal }: UrlSourceOptions,
): Promise<Uint8Array> {
  const announced = response.headers.get('content-length')
  const size = Number(announced)
  // With a content encoding, Content-Length is not the file's length but that of the transfer.
  const encoding = response.headers.get('content-encoding')
  if (announced !== null && !encoding && size <= maxDownloadBytes) {
    return collect(name, response, size, signal)
  }
  await response.body?.cancel()
  const hint = 'Download the file and open it from disk.'
  if (announced !== null && !encoding) {
    throw new InverseFormError(
      'limit-exceeded',
      `${name}: the server does not support range requests, and the whole file has ${size} bytes, more than the ${maxDownloadBytes} allowed.`,
      { hint: `${hint} Or raise \`maxDownloadBytes\`.` },
    )
  }
  throw unreadable(
    `${name}: the server does not support range requests and does not tell the file's size`,
    hint,
  )
}

/** Requests bytes `[start, end)`. Statuses other than 200, 206 and 416 are errors. */
async function request(
  name: string,
  { fetch = globalThis.fetch, headers, signal }: UrlSourceOptions,
  start: number,
  end: number,
): Promise<Response> {
  let response: Response
  try {
    response = await fetch(name, { headers: { ...headers, Range: `bytes=${start}-${end - 1}` }, signal })
  } catch (cause) {
    throw failed(name, cause, signal)
  }
  const { status, statusText } = response
  if (status === 200 || status === 206 || status === 416) return response
  await response.body?.cancel()
  if (status === 404 || status === 410) {
    throw new InverseFormError('not-found', `${name}: ${status} ${statusText}.`, { hint: 'Check the URL.' })
  }
  throw unreadable(
    `${name}: the server answered ${status} ${statusText}`,
    status === 401 || status === 403
      ? 'Pass your authorization in the option `headers`.'
      : 'Try again later, or download the file another way.',
  )
}

/** Reads a body of exactly `size` bytes. */
async function collect(
  name: string,
  response: Response,
  size: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const target = new Uint8Array(size)
  let used = 0
  try {
    const reader = response.body?.getReader()
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      if (used + part.value.byteLength > size) {
        await reader?.cancel()
        throw unreadable(`${name}: the server sent more than the ${size} bytes it announced`, retry)
      }
      target.set(part.value, used)
      used += part.value.byteLength
    }
  } catch (cause) {
    if (isInverseFormError(cause)) throw cause
    throw failed(`${name}: the connection failed after ${used} of ${size} bytes`, cause, signal)
  }
  if (used < size) throw unreadable(`${name}: the connection ended after ${used} of ${size} bytes`, retry)
  return target
}

const retry = 'Try again. Tensors that were already read are not lost.'

function failed(what: string, cause: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason
  const { message, cause: inner } = cause as Error
  return unreadable(
    `${what}: ${inner instanceof Error ? inner.message : message}`,
    'Check the URL and the connection.',
    cause,
  )
}

function unreadable(found: string, hint: string, cause?: unknown) {
  return new InverseFormError('unreadable', `${found}.`, { hint, cause })
}
