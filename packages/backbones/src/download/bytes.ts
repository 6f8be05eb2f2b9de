import { setTimeout } from 'node:timers/promises'
import { InverseFormError } from '@inverseform/errors'
import { checkAnswer } from './download.js'
import { get, Interruption, withoutPassword } from './http.js'

export interface DownloadBytesOptions {
  /** Most bytes that the file may have. */
  readonly maxBytes: number
  readonly signal?: AbortSignal
  /** Milliseconds without a byte after which a connection counts as dropped; 30,000 by default. */
  readonly idleTimeout?: number
  /** Milliseconds before the second try; each later pause is twice as long. 500 by default. */
  readonly retryPause?: number
}

const MAX_TRIES = 5

/** The longest pause that a server may ask for, in seconds. */
const MAX_PAUSE = 30

/**
 * Downloads a file of moderate size to memory, such as an image, through the proxy of the environment. Tries again after a dropped
 * connection and when the server is busy. Errors show the URL without its password and its query, which may hold a signature.
 *
 * @throws InverseFormError `not-found` (404, 410), `limit-exceeded`, else `unreadable`; the signal's reason when it is aborted
 */
export async function downloadBytes(url: string, options: DownloadBytesOptions): Promise<Uint8Array> {
  const { retryPause = 500, signal } = options
  const [shown] = withoutPassword(url).split('?')
  for (let tries = 1; ; tries++) {
    try {
      return await tryOnce(url, shown, options)
    } catch (error) {
      if (!(error instanceof Interruption)) throw error
      if (tries === MAX_TRIES) {
        throw new InverseFormError('unreadable', `${shown} cannot be downloaded: ${error.message}.`, {
          hint: 'Check the network and the server.',
          details: { url: shown },
          cause: error,
        })
      }
      const pause = Math.max(retryPause * 2 ** (tries - 1), 1000 * Math.min(error.pause, MAX_PAUSE))
      await setTimeout(pause, undefined, { signal }).catch(() => signal?.throwIfAborted())
    }
  }
}

async function tryOnce(
  url: string,
  shown: string,
  { maxBytes, signal, idleTimeout = 30_000 }: DownloadBytesOptions,
): Promise<Uint8Array> {
  await using answer = await get(url, { headers: {}, idleTimeout, signal })
  checkAnswer(answer, shown)
  const announced = answer.headers['content-length']
  const parts: Uint8Array[] = []
  let size = 0
  if (Number(announced) > maxBytes) throw tooLarge(shown, maxBytes)
  for await (const part of answer.body()) {
    parts.push(part)
    size += part.byteLength
    if (size > maxBytes) throw tooLarge(shown, maxBytes)
  }
  if (announced !== undefined && size < Number(announced)) {
    throw new Interruption('the server ended the file early')
  }
  return Buffer.concat(parts)
}

const tooLarge = (url: string, maxBytes: number) =>
  new InverseFormError('limit-exceeded', `${url} has more than ${maxBytes} bytes.`, {
    hint: 'Check that it is the right file.',
    details: { url },
  })
