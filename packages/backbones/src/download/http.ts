import { type Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { InverseFormError } from '@inverseform/errors'

/** A failure after which a download can go on: of the connection, or of a server that is busy. */
export class Interruption extends Error {
  /** Seconds that the server asks to wait. */
  readonly pause: number

  constructor(message: string, { pause = 0, cause }: { pause?: number; cause?: unknown } = {}) {
    super(message, { cause })
    this.pause = pause
  }
}

/** There was no connection: no such host, no network, or a server that is not trusted. */
export class Unreachable extends Interruption {}

export interface Answer extends AsyncDisposable {
  readonly status: number
  readonly statusText: string
  readonly headers: IncomingHttpHeaders
  /** Returns the parts of the body. @throws as `get` */
  body(): AsyncGenerator<Uint8Array>
}

export interface GetOptions {
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds without a byte after which a connection counts as dropped. */
  readonly idleTimeout: number
  readonly signal?: AbortSignal
}

const MAX_REDIRECTS = 10

/**
 * Requests a URL, through the proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name. Follows redirects.
 *
 * @throws Interruption without an answer; InverseFormError for a redirect that leads nowhere or a proxy that is no URL; the signal's
 * reason when it is aborted
 */
export async function get(url: string, options: GetOptions): Promise<Answer> {
  let at = url
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await send(at, options)
    const { location } = answer.headers
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === undefined) return answer
    await answer[Symbol.asyncDispose]()
    at = redirected(at, location)
  }
  throw refused(url, `the server redirects more than ${MAX_REDIRECTS} times`)
}

function redirected(from: string, location: string): string {
  const to = URL.canParse(location, from) ? new URL(location, from) : undefined
  const isSafe = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.startsWith('http:'))
  if (to && isSafe) return to.href
  throw refused(from, `the server redirects from ${new URL(from).protocol} to ${to?.protocol ?? location}`)
}

const refused = (url: string, found: string) =>
  new InverseFormError('unreadable', `${withoutPassword(url)} cannot be downloaded: ${found}.`, {
    hint: 'Check the URL.',
    details: { url: withoutPassword(url) },
  })

/** Returns a URL as messages and files may show it. */
export function withoutPassword(url: string): string {
  const shown = new URL(url)
  shown.username = ''
  shown.password = ''
  return shown.href
}

async function send(url: string, { headers, idleTimeout, signal }: GetOptions): Promise<Answer> {
  const { protocol, hostname } = new URL(url)
  const request = (protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    agent: (await proxyAgent(url)) ?? false,
    signal,
    // Ranges and lengths are those of the file itself, which a compressed transfer would hide.
    headers: { 'user-agent': 'inverseform', accept: '*/*', 'accept-encoding': 'identity', ...headers },
  })

  /** Waits for what the server sends next, but not forever. */
  async function next<T>(work: Promise<T>): Promise<T> {
    let isSilent = false
    const timer = setTimeout(() => {
      isSilent = true
      request.destroy(new Error('timeout'))
    }, idleTimeout)
    try {
      return await work
    } catch (cause) {
      signal?.throwIfAborted()
      if (isSilent) throw new Interruption(`${hostname} sent nothing for ${idleTimeout / 1000} s`)
      throw interruption(cause as NodeJS.ErrnoException, hostname)
    } finally {
      clearTimeout(timer)
    }
  }

  const response = await next(
    new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve).on('error', reject).end()
    }),
  )
  return {
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? '',
    headers: response.headers,
    async *body() {
      const parts: AsyncIterator<Buffer> = response[Symbol.asyncIterator]()
      for (;;) {
        const part = await next(parts.next())
        if (part.done) return
        yield part.value
      }
    },
    async [Symbol.asyncDispose]() {
      // The rest of a body that is of no use fails from now on.
      response.on('error', () => {})
      request.destroy()
    },
  }
}

/** Returns the agent that reaches a URL through a proxy; undefined without one. */
async function proxyAgent(url: string): Promise<Agent | undefined> {
  const { getProxyForUrl } = await import('proxy-from-env')
  const proxy = getProxyForUrl(url)
  if (proxy === '') return undefined
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol)) {
    throw new InverseFormError('invalid-argument', 'The proxy of the environment is not an http(s) URL.', {
      hint: 'Set HTTPS_PROXY and HTTP_PROXY to a URL, such as http://proxy.example.com:3128.',
    })
  }
  if (url.startsWith('http:')) {
    const { HttpProxyAgent } = await import('http-proxy-agent')
    return new HttpProxyAgent(proxy)
  }
  const { HttpsProxyAgent } = await import('https-proxy-agent')
  return new HttpsProxyAgent(proxy)
}

/** Puts an error of the network into words that need no knowledge of sockets. */
function interruption(cause: NodeJS.ErrnoException & { hostname?: string }, hostname: string): Interruption {
  switch (cause.code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return new Interruption(`${hostname} dropped the connection`, { cause })
    case 'ENOTFOUND':
    case 'EAI_AGAIN': {
      const host = cause.hostname ?? hostname
      return new Unreachable(`the host ${host} is not found; there may be no network`, { cause })
    }
    case 'ECONNREFUSED':
      return new Unreachable(`the connection to ${hostname} is refused`, { cause })
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'ETIMEDOUT':
      return new Unreachable(`${hostname} cannot be reached; there may be no network`, { cause })
    default:
      // Such as a certificate that is not trusted.
      return new Unreachable(`${hostname}: ${cause.message.replace(/\.+$/, '')}`, { cause })
  }
}
