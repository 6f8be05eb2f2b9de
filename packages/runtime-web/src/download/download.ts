import { InverseFormError } from '@inverseform/errors'
import { readBody } from './body.js'
import { urlName } from './page-url.js'

export interface DownloadOptions extends Pick<RequestInit, 'cache'> {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Called with the number of bytes so far and, if the server announces it, the number of all bytes. */
  readonly onProgress?: (loaded: number, total?: number) => void
}

export interface Download {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Headers of the response. A server of another origin decides which of them this page can see. */
  readonly headers: Headers
}

/**
 * Downloads a URL in one request. A checkpoint is needed whole, and hundreds of range requests would take longer.
 * @throws `not-found` (404, 410), else `unreadable`; the signal's reason when it is aborted
 */
export async function download(
  url: string,
  { onProgress, ...init }: DownloadOptions = {},
): Promise<Download> {
  const response = await request(url, init)
  if (!response.ok) {
    await response.body?.cancel()
    throw refused(url, response)
  }
  const { headers } = response
  // The content length counts encoded bytes, which are fewer. Other origins do not show their encoding.
  const announced = headers.has('content-encoding') ? 0 : Number(headers.get('content-length'))
  let loaded = 0
  try {
    const bytes = await readBody(response, announced, (count) => {
      loaded = count
      onProgress?.(loaded, loaded <= announced ? announced : undefined)
    })
    return { bytes, headers }
  } catch (cause) {
    init.signal?.throwIfAborted()
    throw notRead(urlName(url), cause as Error, loaded, announced)
  }
}

/** Calls `fetch` and explains its failures, for which browsers give pages no reason. */
async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    init.signal?.throwIfAborted()
    throw unreachable(url, init, cause as Error)
  }
}

function unreachable(url: string, { headers }: RequestInit, cause: Error): InverseFormError {
  const { origin } = globalThis
  // CORS applies to http and https alone; blob: and data: URLs need no server.
  if (!/^https?:/.test(url) || new URL(url).origin === origin) {
    return new InverseFormError('unreadable', `${urlName(url)} cannot be fetched: ${cause.message}.`, {
      hint: "Check the URL and the connection. The browser's console shows the reason.",
      cause,
    })
  }
  const allowed = headers ? ', and Access-Control-Allow-Headers for the request headers' : ''
  return new InverseFormError(
    'unreadable',
    `${url} cannot be fetched: its server cannot be reached, or does not allow pages of ${origin} to read it.`,
    {
      hint:
        `The server must send Access-Control-Allow-Origin: ${origin} (or *)${allowed}. If it is not your server, ` +
        'serve the file from your own, or let the user choose a downloaded file.',
      cause,
    },
  )
}

function refused(url: string, { status, statusText }: Response): InverseFormError {
  const answer = `${status} ${statusText}`.trim()
  if (status === 404 || status === 410) {
    return new InverseFormError('not-found', `${url}: the server answered ${answer}.`, {
      hint: 'Check the URL.',
    })
  }
  return new InverseFormError('unreadable', `${url}: the server answered ${answer}.`, {
    hint:
      status === 401 || status === 403
        ? 'The server requires authorization. For a checkpoint, pass it in the option `headers`.'
        : 'Try again later, or download the file by other means.',
  })
}

function notRead(name: string, cause: Error, loaded: number, announced: number): InverseFormError {
  if (cause instanceof RangeError) {
    return new InverseFormError(
      'out-of-memory',
      `${name}: not enough memory for its bytes: ${cause.message}.`,
      { hint: 'Close other pages, or use a smaller file.', cause },
    )
  }
  return new InverseFormError(
    'unreadable',
    `${name}: the connection failed after ${loaded} bytes${announced ? ` of ${announced}` : ''}: ${cause.message}.`,
    { hint: 'Check the connection and try again.', cause },
  )
}
