import { setTimeout } from 'node:timers/promises'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { SNIFF_SIZE, sniff } from '../checkpoint/sniff.js'
import { type Answer, get, Interruption, Unreachable, withoutPassword } from './http.js'
import { type Announced, PartialFile } from './partial-file.js'

export interface TransferOptions {
  readonly signal?: AbortSignal
  /** Called with the number of bytes so far and, if the server tells it, the number of all bytes. */
  readonly onProgress?: (loaded: number, total?: number) => void
  /** Called with what a user may want to know, as a sentence: a dropped connection, a damaged file, another process. */
  readonly onNote?: (note: string) => void
  /** Milliseconds without a byte after which a connection counts as dropped; 30,000 by default. */
  readonly idleTimeout?: number
  /** Milliseconds before the first of the tries that follow a dropped connection; each later pause is twice as long. 1000 by default. */
  readonly retryPause?: number
}

/** Tries in a row that bring nothing new. */
const MAX_TRIES = 5

/**
 * Bytes that are requested again when a download goes on. They show that the server continues the same file, whatever it says
 * about ranges.
 */
const OVERLAP = 2 ** 16

/** The longest pause that a server may ask for, in seconds. */
const MAX_PAUSE = 60

/**
 * Downloads a URL to the partial file of a path, and goes on with what an earlier download left there.
 *
 * @returns the complete file, still open
 * @throws InverseFormError `not-found` (404, 410), `write-failed`, else `unreadable`; the signal's reason when it is aborted
 */
export async function download(url: string, path: string, options: TransferOptions): Promise<PartialFile> {
  const { retryPause = 1000, signal, onNote } = options
  const file = await PartialFile.open(path, withoutPassword(url))
  try {
    let [tries, most, isReached] = [0, file.size, false]
    const { idleTimeout = 30_000 } = options
    const request: Request = (headers) => get(url, { headers, idleTimeout, signal })
    for (;;) {
      const failure = await tryOnce(request, file, options)
      if (failure === undefined) break
      // A server that never goes on from where it was must not keep us busy forever.
      if (file.size > most + OVERLAP) tries = 0
      most = Math.max(most, file.size)
      isReached ||= !(failure instanceof Unreachable)
      if (++tries === MAX_TRIES || !isReached) throw cannotDownload(withoutPassword(url), path, failure, file)
      const pause = Math.max((retryPause / 1000) * 2 ** (tries - 1), Math.min(failure.pause, MAX_PAUSE))
      const count = file.size > 0 ? ` after ${amount(file)}` : ''
      const seconds = Number(pause.toPrecision(2))
      onNote?.(`The download stopped${count}: ${failure.message}. Trying again in ${seconds} s.`)
      await setTimeout(pause * 1000, undefined, { signal }).catch(() => signal?.throwIfAborted())
    }
    await file.sync()
    return file
  } catch (error) {
    await file[Symbol.asyncDispose]()
    throw error
  }
}

type Request = (headers: Readonly<Record<string, string>>) => Promise<Answer>

/** Requests what is missing, and returns why that failed; undefined if the file is complete. */
async function tryOnce(
  request: Request,
  file: PartialFile,
  { onProgress }: TransferOptions,
): Promise<Interruption | undefined> {
  const { url } = file
  // Without its size, nothing could show that the server continues the same file.
  const start = file.announced?.bytes === undefined ? 0 : Math.max(0, file.size - OVERLAP)
  try {
    await using answer = await request(start > 0 ? rangeHeaders(start, file.announced) : {})
    checkAnswer(answer, url)
    if (answer.status === 206 && !continues(answer, start, file.announced)) {
      await file.restart()
      return new Interruption('the server answered with another part of the file, or of another file')
    }
    if (answer.status === 416) {
      await file.restart()
      return new Interruption('the server has fewer bytes than before')
    }
    if (answer.status === 200) await file.restart(announcedBy(answer, url))
    let at = answer.status === 206 ? start : 0
    const total = file.announced?.bytes
    onProgress?.(file.size, total)
    for await (const part of answer.body()) {
      if (at === 0) checkStart(part, total ?? part.byteLength, url)
      if (!(await file.write(part, at))) {
        await file.restart()
        return new Interruption('the server continued with another file')
      }
      at += part.byteLength
      if (total !== undefined && at > total) {
        await file.restart()
        return new Interruption(`the server sent more than the ${total} bytes that it announced`)
      }
      if (at >= file.size) onProgress?.(at, total)
    }
    if (at === 0) throw unusable(url, 'the server sent an empty file')
    return total !== undefined && at < total ? new Interruption('the server ended the file early') : undefined
  } catch (error) {
    if (error instanceof Interruption) return error
    throw error
  }
}

function rangeHeaders(start: number, announced: Announced | undefined): Record<string, string> {
  const { etag, lastModified } = announced ?? {}
  // A weak tag does not promise the same bytes.
  const validator = etag && !etag.startsWith('W/') ? etag : lastModified
  return { range: `bytes=${start}-`, ...(validator && { 'if-range': validator }) }
}

/** Whether an answer of status 206 is what a request for the rest of the file asked for. */
function continues({ headers }: Answer, start: number, announced: Announced | undefined): boolean {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '')
  const { etag } = headers
  const sameTag = etag === undefined || announced?.etag === undefined || etag === announced.etag
  return start > 0 && Number(range?.[1]) === start && Number(range?.[2]) === announced?.bytes && sameTag
}

function announcedBy({ headers }: Answer, url: string): Announced {
  const length = headers['content-length']
  return {
    url,
    bytes: length === undefined ? undefined : Number(length),
    etag: headers.etag,
    lastModified: headers['last-modified'],
  }
}

/** Statuses of a server that may answer later. */
const BUSY: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

/** @throws Interruption for a server that is busy; InverseFormError for an answer without the file */
export function checkAnswer({ status, statusText, headers }: Answer, url: string): void {
  const answer = `the server answered ${status} ${statusText}`.trim()
  if (BUSY.has(status)) throw new Interruption(answer, { pause: Number(headers['retry-after']) || 0 })
  if (status === 404 || status === 410) {
    throw new InverseFormError('not-found', `${url} does not exist: ${answer}.`, {
      hint: 'Check the URL. A mirror must have the file under its published name.',
      details: { url, status },
    })
  }
  if (status === 401 || status === 403) throw unusable(url, answer, 'The server requires authorization.')
  if (status === 407) {
    throw unusable(
      url,
      'the proxy requires authorization',
      'Put name and password into HTTPS_PROXY: http://name:password@host:port.',
    )
  }
  if (![200, 206, 416].includes(status)) throw unusable(url, answer)
  if (/^text\/html\b/i.test(headers['content-type'] ?? '')) throw aPage(url)
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') throw unusable(url, `the server compressed the file (${encoding}), unasked`)
}

/** Refuses what is no file of a model before all of it is there. */
function checkStart(start: Uint8Array, size: number, url: string): void {
  if (start.byteLength < Math.min(SNIFF_SIZE, size)) return
  const sniffed = sniff(start.subarray(0, SNIFF_SIZE), size)
  if ('found' in sniffed && /HTML/.test(sniffed.found)) throw aPage(url)
}

const aPage = (url: string) =>
  unusable(
    url,
    'the server answered with a web page (HTML)',
    'It may be the login page of a network or a proxy: open the URL in a browser.',
  )

/** Returns the error for an answer that would be the same next time. */
const unusable = (url: string, found: string, advice = '') =>
  new InverseFormError('unreadable', `${url} cannot be downloaded: ${found}.`, {
    hint: advice,
    details: { url },
  })

function cannotDownload(url: string, path: string, failure: Interruption, file: PartialFile) {
  const count = file.size > 0 ? ` The first ${amount(file)} are kept in ${file.path}.` : ''
  const proxy = proxyVariable()
  const { code = '' } = (failure.cause ?? {}) as NodeJS.ErrnoException
  if (/CERT|ISSUER/.test(code)) {
    return new InverseFormError('unreadable', `${url} cannot be downloaded: ${failure.message}.`, {
      hint: 'If your network has its own certificates, set NODE_EXTRA_CA_CERTS to their file.',
      details: { url, path },
      cause: failure.cause,
    })
  }
  const where = proxy === undefined ? 'behind a proxy, set HTTPS_PROXY' : `check the proxy in ${proxy}`
  return new InverseFormError('unreadable', `${url} cannot be downloaded: ${failure.message}.${count}`, {
    hint: `Check the connection (${where}) and try again.`,
    details: { url, path },
    cause: failure.cause ?? failure,
  })
}

/** Returns the name of the variable that sets a proxy. Its value may hold a password. */
const proxyVariable = () =>
  ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'].find((name) => process.env[name])

/** Adds to the error of a download how to do without it. */
export function withManualWay(error: unknown, url: string, path: string): unknown {
  if (!isInverseFormError(error) || !['unreadable', 'not-found'].includes(error.code)) return error
  const { code, message, hint = '', details, cause } = error
  const byHand = `Or save ${url} as ${path} by other means.`
  return new InverseFormError(code, message, { hint: `${hint} ${byHand}`.trim(), details, cause })
}

function amount({ size, announced }: PartialFile): string {
  const of = announced?.bytes === undefined ? '' : ` of ${megabytes(announced.bytes)}`
  return `${megabytes(size)}${of} MB`
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
