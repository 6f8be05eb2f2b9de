import { InverseFormError } from '@inverseform/errors'
import { urlName } from './page-url.js'
import { readBody } from './read-body.js'
import { request } from './request.js'

export interface DownloadOptions extends Pick<RequestInit, 'cache'> {
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Called with the bytes there are and, where the server announces it, their number in all. */
  readonly onProgress?: (loaded: number, total?: number) => void
}

export interface Download {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Those of the answer; of another origin, only what its server shows to this one. */
  readonly headers: Headers
}

/**
 * The bytes of a URL in one request: a checkpoint is needed whole, and hundreds of ranges of it would take longer.
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
  // It counts the bytes of the transfer, which an encoding makes fewer. Other origins' encodings are not shown.
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
    if (cause instanceof RangeError) {
      throw new InverseFormError(
        'out-of-memory',
        `${urlName(url)}: there is no memory for its bytes: ${cause.message}.`,
        {
          hint: 'Close other pages, or use a smaller file.',
          cause,
        },
      )
    }
    throw new InverseFormError(
      'unreadable',
      `${urlName(url)}: the connection failed after ${loaded} bytes${announced ? ` of ${announced}` : ''}: ${(cause as Error).message}.`,
      { hint: 'Check the connection and try again.', cause },
    )
  }
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
        ? 'The server wants to know who asks: give a checkpoint what authorizes you in the option `headers`.'
        : 'Try again later, or download the file by other means.',
  })
}
