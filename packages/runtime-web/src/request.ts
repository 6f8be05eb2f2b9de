import { InverseFormError } from '@inverseform/errors'
import { urlName } from './page-url.js'

/**
 * `fetch`, for whose failures browsers give no reason to the page.
 * @throws `unreadable`, naming the URL and what may be behind it; the signal's reason when it is aborted
 */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    init.signal?.throwIfAborted()
    throw unreachable(url, init, cause as Error)
  }
}

function unreachable(url: string, { headers }: RequestInit, cause: Error): InverseFormError {
  const { origin } = globalThis
  // Only http and https have servers that allow or refuse; a blob: or data: URL is there or not.
  if (!/^https?:/.test(url) || new URL(url).origin === origin) {
    return new InverseFormError('unreadable', `${urlName(url)} cannot be fetched: ${cause.message}.`, {
      hint: "Check the URL and the connection; the browser's console has the reason.",
      cause,
    })
  }
  const allowed = headers ? ', and Access-Control-Allow-Headers for the headers it is sent' : ''
  return new InverseFormError(
    'unreadable',
    `${url} cannot be fetched: its server cannot be reached, or does not allow pages of ${origin} to read it.`,
    {
      hint:
        `The server has to answer with Access-Control-Allow-Origin: ${origin} (or *)${allowed}; if it is not yours, ` +
        'serve the file from your own, or let the user choose a downloaded one.',
      cause,
    },
  )
}
