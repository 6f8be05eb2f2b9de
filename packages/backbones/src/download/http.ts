import { InverseFormError } from '@inverseform/errors'
import type { Dispatcher, Response } from 'undici'

/** A failure after which a download can go on: of the connection, or of a server that is busy. */
export class Interruption extends Error {
  /** Seconds that the server asks to wait. */
  readonly pause: number

  constructor(message: string, { pause = 0, cause }: { pause?: number; cause?: unknown } = {}) {
    super(message, { cause })
    this.pause = pause
  }
}

/** The connection was never made, so that trying again at once is of little use: there is no network, or no such host. */
export class Unreachable extends Interruption {}

export interface HttpClient extends AsyncDisposable {
  /**
   * Requests a URL. Follows redirects.
   * @throws Interruption without a response; the signal's reason when it is aborted
   */
  get(url: string, headers: Readonly<Record<string, string>>): Promise<Response>
  /** Returns the parts of a response. @throws as `get` */
  body(response: Response): AsyncGenerator<Uint8Array>
}

/**
 * Opens a client that takes its proxy from HTTPS_PROXY, HTTP_PROXY and NO_PROXY. The fetch of Node 20 knows no proxy.
 * @param idleTimeout milliseconds without a byte after which a connection counts as dropped
 */
export async function openHttp(idleTimeout: number, signal?: AbortSignal): Promise<HttpClient> {
  const { EnvHttpProxyAgent, fetch } = await import('undici')
  let dispatcher: Dispatcher
  try {
    const timeouts = { headersTimeout: idleTimeout, bodyTimeout: idleTimeout }
    dispatcher = new EnvHttpProxyAgent({ ...timeouts, connect: { timeout: idleTimeout } })
  } catch (cause) {
    throw new InverseFormError(
      'invalid-argument',
      `The proxy of the environment cannot be used: ${(cause as Error).message}.`,
      { hint: 'Set HTTPS_PROXY and HTTP_PROXY to a URL, such as http://proxy.example.com:3128.', cause },
    )
  }
  return {
    async get(url, headers) {
      try {
        // Ranges and lengths are those of the file itself, which a compressed transfer would hide.
        return await fetch(url, {
          dispatcher,
          signal,
          headers: { ...headers, 'accept-encoding': 'identity' },
        })
      } catch (cause) {
        signal?.throwIfAborted()
        throw interruption(cause, url, idleTimeout)
      }
    },
    async *body({ body, url }) {
      if (body === null) return
      try {
        for await (const part of body) yield part as Uint8Array
      } catch (cause) {
        signal?.throwIfAborted()
        throw interruption(cause, url, idleTimeout)
      }
    },
    // `close` would wait for a response whose rest nobody reads.
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

function interruption(error: unknown, url: string, idleTimeout: number): Interruption {
  const cause = innermost(error)
  const { code = '', hostname = new URL(url).hostname } = cause as { code?: string; hostname?: string }
  const seconds = `${idleTimeout / 1000} s`
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new Unreachable(`the host ${hostname} is not found; there may be no network`, { cause })
    case 'ECONNREFUSED':
      return new Unreachable(`the connection to ${hostname} is refused`, { cause })
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return new Unreachable(`${hostname} cannot be reached; there may be no network`, { cause })
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return new Interruption(`${hostname} sent nothing for ${seconds}`, { cause })
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return new Interruption(`${hostname} dropped the connection`, { cause })
    default:
      // Such as a certificate that is not trusted, or a proxy that refuses.
      return new Unreachable(`${hostname}: ${cause.message.replace(/\.+$/, '')}`, { cause })
  }
}

/** Returns the error that `fetch` wraps, whose message tells no more than that it failed. */
function innermost(error: unknown): Error {
  const { cause } = error as Error
  return cause instanceof Error ? innermost(cause) : (error as Error)
}
