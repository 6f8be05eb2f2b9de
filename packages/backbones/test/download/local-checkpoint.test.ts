import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  clearCachedCheckpoints,
  type LocalCheckpointOptions,
  listCachedCheckpoints,
  localCheckpoint,
} from '@inverseform/backbones/node'
import {
  type Answer,
  dropAfter,
  sendFile,
  serve,
  serveProxy,
  smallCheckpoint,
  temporaryFolder,
} from '@inverseform/testing/downloads'
import { afterEach, describe, expect, test, vi } from 'vitest'

afterEach(() => {
  vi.unstubAllEnvs()
})

/** Options that keep a test short, a server, and a folder for the cache. */
async function setUp(answer: Answer) {
  const server = await serve(answer)
  const cacheFolder = await temporaryFolder()
  const notes: string[] = []
  const options: LocalCheckpointOptions = {
    cacheFolder,
    retryPause: 10,
    idleTimeout: 2000,
    onNote: (note) => notes.push(note),
  }
  const folder = join(cacheFolder, 'checkpoints')
  const files = async () => (await readdir(folder).catch(() => [])).sort()
  return { server, url: `${server.url}/model.pth`, options, folder, files, notes }
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const hashAt = async (path: string) => sha256(await readFile(path))

/** Expects a range that starts before the end of what arrived of 400,000 bytes, which is up to the sockets. */
function expectResumed(range: string | undefined): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1])
  expect(start).toBeGreaterThan(0)
  expect(start).toBeLessThanOrEqual(400_000 - 65_536)
}

describe('a download', () => {
  test('is cached with its SHA-256, and asked for once', async () => {
    const body = await smallCheckpoint()
    const { server, url, options, files } = await setUp((request, response) =>
      sendFile(request, response, body),
    )
    const progress: (number | undefined)[][] = []
    const path = await localCheckpoint(url, { ...options, onProgress: (...args) => progress.push(args) })
    expect(await hashAt(path)).toBe(sha256(body))
    expect(progress.at(-1)).toEqual([body.length, body.length])
    const record = JSON.parse(await readFile(`${path}.json`, 'utf8'))
    expect(record).toMatchObject({ url, bytes: body.length, sha256: sha256(body) })
    expect(Date.now() - Date.parse(record.storedAt)).toBeLessThan(60_000)
    expect(await localCheckpoint(url, options)).toBe(path)
    expect(server.requests).toHaveLength(1)
    expect(await files()).toHaveLength(2)
  })

  test('goes on after dropped connections with the bytes that are missing', async () => {
    const body = await smallCheckpoint(900)
    const { server, url, options, notes } = await setUp((request, response, count) => {
      if (count === 0) dropAfter(response, body, 400_000, '"1"')
      else sendFile(request, response, body, '"1"')
    })
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
    expect(server.ranges()).toHaveLength(2)
    expectResumed(server.ranges()[1])
    expect(server.requests[1].headers['if-range']).toBe('"1"')
    expect(notes).toEqual([
      expect.stringMatching(
        /^The download stopped after 0\.[1-4] of 0\.9 MB: 127\.0\.0\.1 dropped the connection\. Trying again in 0\.01 s\.$/,
      ),
    ])
  })

  test('keeps what it has when it fails, and a later one goes on from there', async () => {
    const body = await smallCheckpoint(900)
    let works = false
    const { server, url, options, files } = await setUp((request, response) => {
      if (works) sendFile(request, response, body)
      else if (request.headers.range === undefined) dropAfter(response, body, 400_000)
      else response.destroy()
    })
    const error = await localCheckpoint(url, options).catch((error) => error)
    expect(error.code).toBe('unreadable')
    expect(error.message).toMatch(
      /model\.pth cannot be downloaded: 127\.0\.0\.1 dropped the connection\. The first 0\.[1-4] of 0\.9 MB are kept in .*\.part\.$/,
    )
    expect((await files()).filter((name) => !/\.part(\.json)?$/.test(name))).toEqual([])
    works = true
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
    expectResumed(server.ranges().at(-1))
    expect((await files()).filter((name) => name.includes('.part'))).toEqual([])
  })

  const liars: readonly (readonly [string, (body: Uint8Array, other: Uint8Array) => Answer])[] = [
    [
      'ignores ranges',
      (body) => (_, response) => response.writeHead(200, { 'content-length': body.length }).end(body),
    ],
    [
      'answers a range with the start of the file',
      (body) => (_, response) =>
        response.writeHead(206, { 'content-range': `bytes 0-${body.length - 1}/${body.length}` }).end(body),
    ],
    [
      'announces the range but sends the start of the file',
      (body) => (request, response) => {
        const start = Number(/\d+/.exec(request.headers.range as string))
        const part = body.subarray(0, body.length - start)
        const range = `bytes ${start}-${body.length - 1}/${body.length}`
        response.writeHead(206, { 'content-length': part.length, 'content-range': range }).end(part)
      },
    ],
    [
      'sends no Content-Range',
      (body) => (_, response) =>
        response.writeHead(206, { 'content-length': 100 }).end(body.subarray(0, 100)),
    ],
    [
      'announces another size in Content-Range',
      (body) => (request, response) => {
        const start = Number(/\d+/.exec(request.headers.range as string))
        const part = body.subarray(start)
        response
          .writeHead(206, { 'content-range': `bytes ${start}-${body.length - 1}/${body.length + 5}` })
          .end(part)
      },
    ],
    [
      'continues with another file of the same size',
      (_, other) => (request, response) =>
        sendFile({ headers: { range: request.headers.range } } as never, response, other),
    ],
    [
      'continues under another tag',
      (body) => (request, response) =>
        sendFile({ headers: { range: request.headers.range } } as never, response, body, '"2"'),
    ],
    [
      'has no such range',
      (body) => (_, response) => response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end(),
    ],
  ]
  /** Lies that the headers give away, before any bytes. */
  const inHeaders = /^(answers a range|sends no Content-Range|announces another size|continues under)/
  test.each(liars)('is whole when the server %s', async (name, lie) => {
    const [body, other] = [await smallCheckpoint(), await smallCheckpoint()]
    const { url, options, notes } = await setUp((request, response, count) => {
      if (count === 0) dropAfter(response, body, 200_000, '"1"')
      else if (count === 1) {
        expect(request.headers.range).toBeDefined()
        lie(body, other)(request, response, count)
      } else sendFile(request, response, body, '"1"')
    })
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
    if (inHeaders.test(name)) expect(notes[1]).toContain('another part of the file, or of another file')
  })

  test('starts over when the file was replaced meanwhile', async () => {
    const [old, current] = [await smallCheckpoint(), await smallCheckpoint()]
    const { url, options } = await setUp((request, response, count) => {
      if (count === 0) dropAfter(response, old, 200_000, '"old"')
      else sendFile(request, response, current, '"new"')
    })
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(current))
  })

  test('gives up on a server that never gets further', async () => {
    const body = await smallCheckpoint(900)
    const { server, url, options } = await setUp((_, response) => dropAfter(response, body, 300_000))
    await expect(localCheckpoint(url, options)).rejects.toMatchObject({ code: 'unreadable' })
    expect(server.requests.length).toBeLessThan(10)
  })

  test.each([
    [
      'announces fewer bytes than the file has',
      (body: Uint8Array) => ({ length: body.length - 1000, sent: body.length - 1000 }),
    ],
    [
      'announces more bytes than the file has',
      (body: Uint8Array) => ({ length: body.length + 1000, sent: body.length }),
    ],
    [
      'sends more bytes than it announces',
      (body: Uint8Array) => ({ length: body.length - 1000, sent: body.length }),
    ],
  ])('is refused when the server %s', async (_, lie) => {
    const body = await smallCheckpoint()
    const { length, sent } = lie(body)
    const { url, options, files } = await setUp((_, response) => {
      const { socket } = response
      socket?.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`)
      socket?.end(body.subarray(0, sent))
    })
    const error = await localCheckpoint(url, options).catch((error) => error)
    expect(error.code).toBe('unreadable')
    expect((await files()).filter((name) => !name.includes('.part'))).toEqual([])
  })

  test('of unknown length is accepted if it is a whole checkpoint, else refused', async () => {
    const body = await smallCheckpoint()
    const { url, options } = await setUp((request, response) =>
      response.end(request.url === '/model.pth' ? body : body.subarray(0, 200_000)),
    )
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
    await expect(localCheckpoint(`${url}?half`, options)).rejects.toThrow(/is not the checkpoint: .*bytes/)
  })

  test('that arrives slowly but steadily is waited for', async () => {
    const body = await smallCheckpoint(10)
    const { url, options } = await setUp((_, response) => {
      response.writeHead(200, { 'content-length': body.length })
      let sent = 0
      const timer = setInterval(() => {
        response.write(body.subarray(sent, (sent += 1500)))
        if (sent >= body.length) {
          clearInterval(timer)
          response.end()
        }
      }, 200)
    })
    // Takes longer than the timeout in all, but never between two parts.
    expect(await hashAt(await localCheckpoint(url, { ...options, idleTimeout: 1000 }))).toBe(sha256(body))
  })

  test.each([
    ['before its answer', () => {}],
    [
      'in the middle',
      (response: Parameters<Answer>[1]) => {
        response.writeHead(200, { 'content-length': 1000 })
        response.write('x')
      },
    ],
  ])('from a server that falls silent %s ends', async (_, silent) => {
    const { server, url, options } = await setUp((_, response) => silent(response))
    const error = await localCheckpoint(url, { ...options, idleTimeout: 100 }).catch((error) => error)
    expect(error.message).toMatch(/cannot be downloaded: 127\.0\.0\.1 sent nothing for 0\.1 s\./)
    expect(server.requests).toHaveLength(5)
  })

  test('follows redirects, with its range', async () => {
    const body = await smallCheckpoint()
    const { server, url, options } = await setUp((request, response, count) => {
      if (request.url === '/model.pth') response.writeHead(302, { location: '/store/1?signature=x' }).end()
      else if (count === 1) dropAfter(response, body, 200_000)
      else sendFile(request, response, body)
    })
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
    expect(server.ranges().at(-1)).toMatch(/^bytes=/)
  })

  test.each([
    ['a busy server', 503, {}],
    ['too many requests', 429, { 'retry-after': '0' }],
  ])('waits for %s', async (_, status, headers) => {
    const body = await smallCheckpoint(10)
    const { url, options, notes } = await setUp((request, response, count) => {
      if (count < 2) response.writeHead(status, headers).end()
      else sendFile(request, response, body)
    })
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
    expect(notes).toHaveLength(2)
    expect(notes[0]).toContain(`the server answered ${status}`)
  })

  const page = '<!doctype html><title>Sign in</title>'.padEnd(1000)
  test.each<[string, Answer, string, RegExp]>([
    [
      '404',
      (_, response) => response.writeHead(404).end('no'),
      'not-found',
      /does not exist: the server answered 404 Not Found\./,
    ],
    ['403', (_, response) => response.writeHead(403).end('no'), 'unreadable', /answered 403 Forbidden\./],
    [
      'a page',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page),
      'unreadable',
      /web page \(HTML\)\./,
    ],
    [
      'a page as bytes',
      (_, response) => response.writeHead(200, { 'content-length': page.length }).end(page),
      'unreadable',
      /web page \(HTML\)\./,
    ],
    ['nothing', (_, response) => response.writeHead(200).end(), 'unreadable', /sent an empty file\./],
    [
      'other text',
      (_, response) => response.end('{"error": "quota"}'),
      'unreadable',
      /is not the checkpoint: this is a JSON text\./,
    ],
  ])('that gets %s is refused at once, with what to do', async (_, answer, code, message) => {
    const { server, url, options, files, folder } = await setUp(answer)
    const error = await localCheckpoint(url, options).catch((error) => error)
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(error.hint).toContain(`Or save ${url} as ${join(folder, '')}`)
    expect(server.requests).toHaveLength(1)
    expect((await files()).filter((name) => !name.includes('.part'))).toEqual([])
  })

  test('is refused when it is compressed, which hides its length', async () => {
    const { url, options } = await setUp((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    )
    await expect(localCheckpoint(url, options)).rejects.toThrow(/compressed the file \(gzip\)/)
  })

  test.each([
    ['in circles', '/model.pth', /redirects more than 10 times/],
    ['to a file', 'file:///etc/passwd', /redirects from http: to file:/],
    ['nowhere', 'http://', /redirects from http: to http:\/\/\./],
  ])('is refused when the server redirects %s', async (_, location, message) => {
    const { url, options } = await setUp((_, response) => response.writeHead(302, { location }).end())
    await expect(localCheckpoint(url, options)).rejects.toThrow(message)
  })

  test('sends name and password of its URL, and keeps them out of files and messages', async () => {
    const body = await smallCheckpoint(10)
    const { server, url, options, folder } = await setUp((request, response) => {
      if (request.url === '/model.pth') sendFile(request, response, body)
      else response.writeHead(403).end()
    })
    const withPassword = url.replace('//', '//me:secret@')
    const path = await localCheckpoint(withPassword, options)
    expect(server.requests[0].headers.authorization).toBe(`Basic ${btoa('me:secret')}`)
    expect(await readFile(`${path}.json`, 'utf8')).not.toContain('secret')
    const error = await localCheckpoint(`${withPassword}?no`, options).catch((error) => error)
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.details)} ${folder}`).not.toContain(
      'secret',
    )
  })

  test('tells at once that there is no server', async () => {
    const cacheFolder = await temporaryFolder()
    const error = await localCheckpoint('http://does-not-exist.invalid/model.pth', { cacheFolder }).catch(
      (error) => error,
    )
    expect(error.message).toMatch(/the host does-not-exist\.invalid is not found; there may be no network\./)
    expect(error.hint).toMatch(
      /HTTPS_PROXY.* Or save http:\/\/does-not-exist\.invalid\/model\.pth as .*-model\.pth by other means\./,
    )
  })

  test('ends with the reason of its signal, and leaves a later one to go on', async () => {
    const body = await smallCheckpoint()
    const controller = new AbortController()
    const { url, options, files } = await setUp((request, response, count) => {
      if (count > 0) sendFile(request, response, body)
      else {
        response.writeHead(200, { 'content-length': body.length })
        response.write(body.subarray(0, 200_000))
      }
    })
    const onProgress = (loaded: number) => {
      if (loaded === 200_000) controller.abort(new Error('enough'))
    }
    await expect(localCheckpoint(url, { ...options, onProgress, signal: controller.signal })).rejects.toThrow(
      'enough',
    )
    expect((await files()).filter((name) => name.endsWith('.lock'))).toEqual([])
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
  })

  test('by several callers at once is done once', async () => {
    const body = await smallCheckpoint()
    const { server, url, options } = await setUp((request, response) => {
      setTimeout(() => sendFile(request, response, body), 300)
    })
    const paths = await Promise.all([1, 2, 3].map(() => localCheckpoint(url, options)))
    expect(new Set(paths).size).toBe(1)
    expect(server.requests).toHaveLength(1)
    expect(await hashAt(paths[0])).toBe(sha256(body))
  })
})

describe('a cached checkpoint', () => {
  test.each([
    ['a changed byte', (bytes: Uint8Array) => bytes.with(bytes.length - 5, bytes[bytes.length - 5] ^ 1)],
    ['a missing end', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 5)],
  ])('with %s is downloaded again', async (_, damage) => {
    const body = await smallCheckpoint(10)
    const { server, url, options, notes } = await setUp((request, response) =>
      sendFile(request, response, body),
    )
    const path = await localCheckpoint(url, options)
    await writeFile(path, damage(body))
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(body))
    expect(server.requests).toHaveLength(2)
    expect(notes).toEqual([expect.stringMatching(/ is damaged \(.*\) and is downloaded again\.$/)])
  })

  test('that is damaged is an error without downloads', async () => {
    const body = await smallCheckpoint(10)
    const { url, options } = await setUp((request, response) => sendFile(request, response, body))
    const path = await localCheckpoint(url, options)
    await writeFile(path, body.with(2000, body[2000] ^ 1))
    const error = await localCheckpoint(url, { ...options, offline: true }).catch((error) => error)
    expect(error.code).toBe('unreadable')
    expect(error.message).toMatch(/is damaged: its SHA-256 is [0-9a-f]{64}, but was [0-9a-f]{64} on \d{4}-/)
  })

  test('is not replaced by another file than before', async () => {
    const [body, other] = [await smallCheckpoint(10), await smallCheckpoint(10)]
    const { url, options } = await setUp((request, response, count) =>
      sendFile(request, response, count ? other : body),
    )
    const path = await localCheckpoint(url, options)
    const changed = body.with(2000, body[2000] ^ 1)
    await writeFile(path, changed)
    const error = await localCheckpoint(url, options).catch((error) => error)
    expect(error.message).toContain(`its SHA-256 is ${sha256(other)}, but was ${sha256(body)}`)
    expect(await hashAt(path)).toBe(sha256(changed))
    await clearCachedCheckpoints(path, options)
    expect(await hashAt(await localCheckpoint(url, options))).toBe(sha256(other))
  })

  test('that somebody put there is recorded on its first use, and needs no network', async () => {
    const body = await smallCheckpoint(10)
    const { server, url, options, files } = await setUp((_, response) => response.writeHead(404).end())
    const { hint } = await localCheckpoint(url, { ...options, offline: true }).catch((error) => error)
    const path = / as (\S+) by other means\.$/.exec(hint)?.[1] as string
    await localCheckpoint(url, options).catch(() => {})
    await writeFile(path, body)
    expect(await localCheckpoint(url, { ...options, offline: true })).toBe(path)
    expect(await listCachedCheckpoints(options)).toEqual([
      {
        path,
        bytes: body.length,
        sha256: sha256(body),
        storedAt: expect.any(Date),
        model: undefined,
        url: undefined,
      },
    ])
    expect(server.requests).toHaveLength(1)
    await writeFile(path, body.with(2000, body[2000] ^ 1))
    await expect(localCheckpoint(url, { ...options, offline: true })).rejects.toMatchObject({
      code: 'unreadable',
    })
    expect(await files()).toContain(`${path.split('/').at(-1)}.json`)
  })

  test('is listed and removed with what belongs to it', async () => {
    const body = await smallCheckpoint(10)
    const { url, options, files } = await setUp((request, response) => {
      if (request.url === '/half') dropAfter(response, body, 5000)
      else sendFile(request, response, body)
    })
    const [path] = [await localCheckpoint(url, options), await localCheckpoint(`${url}?other`, options)]
    await localCheckpoint(new URL('/half', url), options).catch(() => {})
    expect((await listCachedCheckpoints(options)).map(({ url }) => url).sort()).toEqual([url, `${url}?other`])
    expect(await clearCachedCheckpoints(path, options)).toBe(1)
    expect((await listCachedCheckpoints(options)).map(({ url }) => url)).toEqual([`${url}?other`])
    expect((await files()).some((name) => name.endsWith('.part'))).toBe(true)
    expect(await clearCachedCheckpoints(undefined, options)).toBe(1)
    expect(await files()).toEqual([])
    expect(await clearCachedCheckpoints(undefined, options)).toBe(0)
  })
})

describe('a name', () => {
  test('is downloaded from a mirror, by its option or the environment', async () => {
    const body = await smallCheckpoint(10)
    const { server, options, folder } = await setUp((request, response) => sendFile(request, response, body))
    const path = join(folder, 'hr16s_4k_slim.pth')
    expect(
      await localCheckpoint('hrnet16-slim', { ...options, mirror: `${server.url}/models/?token=1` }),
    ).toBe(path)
    vi.stubEnv('INVERSEFORM_MIRROR', server.url)
    expect(await localCheckpoint('inversenet', options)).toBe(join(folder, 'distance_measures_regressor.pth'))
    expect(server.requests.map(({ url }) => url)).toEqual([
      '/models/hr16s_4k_slim.pth?token=1',
      '/distance_measures_regressor.pth',
    ])
    expect((await listCachedCheckpoints(options)).map(({ model }) => model).sort()).toEqual([
      'hrnet16-slim',
      'inversenet',
    ])
  })

  test("and the URL of its release are one file, which must be that model's", async () => {
    const published = new URL('../../../../checkpoints/hrnet16-slim-demo.pth', import.meta.url)
    const body = new Uint8Array(await readFile(published))
    const { server, options } = await setUp((request, response) => sendFile(request, response, body))
    const mirrored = { ...options, mirror: server.url }
    const path = await localCheckpoint('hrnet16-slim', mirrored)
    const release =
      'https://github.com/Qualcomm-AI-research/InverseForm/releases/download/v1.0/hr16s_4k_slim.pth'
    expect(await localCheckpoint(release, options)).toBe(path)
    expect(server.requests).toHaveLength(1)
    await expect(localCheckpoint('hrnet18', mirrored)).rejects.toThrow(
      'it is the checkpoint of hrnet16-slim, not of hrnet18.',
    )
  })

  test('without downloads is an error that says what to fetch, and where to put it', async () => {
    const cacheFolder = await temporaryFolder()
    vi.stubEnv('INVERSEFORM_OFFLINE', '1')
    vi.stubEnv('INVERSEFORM_CACHE', cacheFolder)
    await expect(localCheckpoint('ocrnet48-hms')).rejects.toMatchObject({
      code: 'not-found',
      message:
        'The checkpoint of ocrnet48-hms is not in the cache folder. Downloads are turned off (offline).',
      hint: `Unset INVERSEFORM_OFFLINE. Or save https://github.com/Qualcomm-AI-research/InverseForm/releases/download/v1.0/hrnet48_OCR_HMS_IF_checkpoint.pth as ${join(cacheFolder, 'checkpoints', 'hrnet48_OCR_HMS_IF_checkpoint.pth')} by other means.`,
    })
  })

  test.each(['not a url', 'ftp://host/folder'])('refuses the mirror %s', async (mirror) => {
    await expect(localCheckpoint('hrnet18', { mirror, cacheFolder: '/nowhere' })).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('`mirror` must be an http(s) URL'),
    })
  })
})

describe('a path', () => {
  test('is returned as it is, if there is a file', async () => {
    const folder = await temporaryFolder()
    const path = join(folder, 'hrnet18')
    await writeFile(path, '')
    expect(await localCheckpoint(path)).toBe(path)
    expect(await localCheckpoint(pathToFileURL(path))).toBe(path)
    await rm(path)
    await expect(localCheckpoint(path)).rejects.toMatchObject({ code: 'not-found' })
  })

  test.each([
    ['models/hr16s_4k_slim.pth', /^Pass hrnet16-slim instead, and the published checkpoint is downloaded\./],
    ['hrnet16', /^The published models are hrnet18, .* and inversenet\. Or check the path\.$/],
    ['some/other.pth', /^Check the path\./],
  ])('without a file says what may be meant: %s', async (path, hint) => {
    await expect(localCheckpoint(path)).rejects.toMatchObject({
      code: 'not-found',
      message: `${path} does not exist.`,
      hint: expect.stringMatching(hint),
    })
  })

  test.each(['', 7, undefined])('must not be %j', async (checkpoint) => {
    await expect(localCheckpoint(checkpoint as never)).rejects.toMatchObject({ code: 'invalid-argument' })
  })

  test.each(['ftp://host/model.pth', 'https://:80'])('must not be the URL %s', async (url) => {
    const checkpoint = URL.canParse(url) ? new URL(url) : url
    await expect(localCheckpoint(checkpoint)).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

describe('a proxy', () => {
  test('of the environment is used, except for hosts in NO_PROXY', async () => {
    const body = await smallCheckpoint(10)
    const { server, options } = await setUp((request, response) => sendFile(request, response, body))
    const proxy = await serveProxy(server.url)
    vi.stubEnv('HTTP_PROXY', proxy.url)
    vi.stubEnv('http_proxy', undefined)
    vi.stubEnv('NO_PROXY', 'direct.invalid')
    vi.stubEnv('no_proxy', undefined)
    const path = await localCheckpoint('http://models.invalid/a.pth', options)
    expect(await hashAt(path)).toBe(sha256(body))
    expect(proxy.hosts).toEqual([expect.stringMatching(/^models\.invalid(:80)?$/)])
    await expect(localCheckpoint('http://direct.invalid/a.pth', options)).rejects.toThrow(
      /direct\.invalid is not found/,
    )
  })

  test('is asked for a tunnel to an https server, and its refusals are told', async () => {
    const { server, options } = await setUp((_, response) => response.end())
    const proxy = await serveProxy(server.url)
    vi.stubEnv('HTTPS_PROXY', proxy.url)
    vi.stubEnv('https_proxy', undefined)
    vi.stubEnv('NO_PROXY', undefined)
    vi.stubEnv('no_proxy', undefined)
    // The tunnel ends at a server without TLS.
    await expect(localCheckpoint('https://models.invalid/a.pth', options)).rejects.toMatchObject({
      code: 'unreadable',
      hint: expect.stringContaining('check the proxy in HTTPS_PROXY'),
    })
    expect(proxy.hosts).toEqual(['models.invalid:443'])
    await expect(localCheckpoint('https://refused.invalid/a.pth', options)).rejects.toMatchObject({
      message: expect.stringContaining('the proxy requires authorization'),
      hint: expect.stringContaining('Put name and password into HTTPS_PROXY'),
    })
  })

  test('that cannot be reached is named', async () => {
    const cacheFolder = await temporaryFolder()
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:9')
    vi.stubEnv('http_proxy', undefined)
    vi.stubEnv('HTTPS_PROXY', undefined)
    vi.stubEnv('https_proxy', undefined)
    await expect(
      localCheckpoint('http://models.invalid/a.pth', { cacheFolder, retryPause: 1 }),
    ).rejects.toMatchObject({
      code: 'unreadable',
      hint: expect.stringContaining('check the proxy in HTTP_PROXY'),
    })
  })

  test('that is no URL is refused', async () => {
    vi.stubEnv('HTTPS_PROXY', 'socks://proxy:3128')
    vi.stubEnv('https_proxy', undefined)
    await expect(localCheckpoint('hrnet18', { cacheFolder: await temporaryFolder() })).rejects.toMatchObject({
      code: 'invalid-argument',
      hint: expect.stringContaining('HTTPS_PROXY'),
    })
  })
})
