import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../src/checkpoint/open.js'
import { blobSource } from '../../src/io/blob.js'
import { memorySink } from '../../src/io/sink.js'
import { type ByteSource, bytesSource } from '../../src/io/source.js'
import { urlSource } from '../../src/io/url.js'
import { fileSource, writeFileAtomically } from '../../src/node.js'
import { errorOf, fixture, fixtures } from './support.js'

const name = 'checkpoint.zip.pth'
const file = fixture(name)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inverseform-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The source gives the checkpoint's bytes, by ranges and through the reader. */
async function expectCheckpoint(source: ByteSource) {
  expect(source.size).toBe(file.length)
  for (const [start, end] of [
    [0, 0],
    [0, 1],
    [100, 1234],
    [file.length - 1, file.length],
    [0, file.length],
  ] as const) {
    const read = await source.read(start, end)
    expect(read).toEqual(file.subarray(start, end))
    expect(read.constructor).toBe(Uint8Array)
  }
  for (const [start, end] of [
    [-1, 1],
    [1, 0],
    [0, file.length + 1],
    [0.5, 1],
  ] as const) {
    expect((await errorOf(source.read(start, end))).code).toBe('invalid-argument')
  }
  const { tensors } = await openCheckpoint(source)
  expect((await tensors.get('module.param')!.read()).data).toEqual(Float32Array.of(1, 2))
}

describe('bytesSource', () => {
  test('reads views, of an ArrayBuffer, an array or a Buffer', async () => {
    await expectCheckpoint(bytesSource(file.buffer))
    await expectCheckpoint(bytesSource(Buffer.from(file)))
    const within = new Uint8Array(file.length + 3)
    within.set(file, 3)
    const source = bytesSource(within.subarray(3), 'mine')
    await expectCheckpoint(source)
    expect(source.name).toBe('mine')
    expect((await source.read(5, 9)).buffer).toBe(within.buffer)
  })
})

describe('blobSource', () => {
  test('reads a Blob, and takes the name of a File', async () => {
    await expectCheckpoint(blobSource(new Blob([file])))
    await expectCheckpoint(blobSource(new File([file], 'picked.pth')))
    expect(blobSource(new File([file], 'picked.pth')).name).toBe('picked.pth')
    expect(blobSource(new Blob([]), 'given').name).toBe('given')
  })
  test('a file that has gone', async () => {
    const blob = new Blob([file])
    Object.defineProperty(blob, 'slice', {
      value: () => ({ arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')) }),
    })
    expect(await errorOf(blobSource(blob, 'b').read(0, 1))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/gone/),
    })
  })
})

describe('fileSource', () => {
  test('reads a file, and disposes', async () => {
    let kept: ByteSource
    {
      await using source = await fileSource(join(fixtures, name))
      await expectCheckpoint(source)
      kept = source
      await source.close()
    }
    expect((await errorOf(kept.read(0, 1))).code).toBe('disposed')
  })
  test('reads at the same time', async () => {
    await using source = await fileSource(join(fixtures, name))
    const parts = await Promise.all(Array.from({ length: 50 }, (_, i) => source.read(i * 10, i * 10 + 10)))
    expect(Buffer.concat(parts)).toEqual(Buffer.from(file.subarray(0, 500)))
  })
  test('errors name the path', async () => {
    const missing = join(folder, 'missing.pth')
    expect(await errorOf(fileSource(missing))).toMatchObject({
      code: 'not-found',
      message: `${missing} does not exist.`,
    })
    expect(await errorOf(fileSource(join(fixtures, name, 'x')))).toMatchObject({ code: 'not-found' })
    expect(await errorOf(fileSource(folder))).toMatchObject({
      code: 'unreadable',
      message: `${folder} is a folder.`,
    })
    const loop = join(folder, 'loop')
    await symlink(loop, loop)
    expect(await errorOf(fileSource(loop))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/cannot be opened/),
    })
  })
  test('a named pipe, a device and a wrong argument end at once', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(await errorOf(fileSource(pipe))).toMatchObject({
      code: 'unreadable',
      message: `${pipe} is a named pipe.`,
    })
    expect(await errorOf(fileSource('/dev/zero'))).toMatchObject({
      code: 'unreadable',
      message: '/dev/zero is a device.',
    })
    for (const path of [undefined, 5, '', 'a\0b']) {
      expect((await errorOf(fileSource(path as string))).code).toBe('invalid-argument')
    }
  })
  test('a file that gets shorter', async () => {
    const path = join(folder, 'shrinks')
    await writeFile(path, file)
    await using source = await fileSource(path)
    await writeFile(path, file.subarray(0, 10))
    expect(await errorOf(source.read(0, 20))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/ended at byte 10/),
    })
  })
})

describe('memorySink', () => {
  test('takes exactly what was announced', async () => {
    const sink = memorySink(3)
    await sink.write(Uint8Array.of(1, 2))
    expect((await errorOf(() => sink.finish())).code).toBe('size-mismatch')
    expect((await errorOf(sink.write(Uint8Array.of(3, 4)))).code).toBe('size-mismatch')
    await sink.write(Uint8Array.of(3))
    expect(sink.finish()).toEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('writeFileAtomically', () => {
  test('writes whole, replaces, and leaves nothing else', async () => {
    const path = join(folder, 'out', 'model.bin')
    await mkdir(join(folder, 'out'))
    for (const size of [3, 300_000]) {
      const content = Uint8Array.from({ length: size }, (_, i) => i)
      await writeFileAtomically(path, async (sink) => {
        await sink.write(content.subarray(0, 2))
        await sink.write(content.subarray(2))
        await sink.write(new Uint8Array(0))
      })
      expect((await readFile(path)).equals(content)).toBe(true)
    }
    expect(await readdir(join(folder, 'out'))).toEqual(['model.bin'])
  })
  test('keeps the order of small and large writes, whose memory the caller uses again', async () => {
    const path = join(folder, 'sizes.bin')
    const expected: Uint8Array[] = []
    await writeFileAtomically(path, async (sink) => {
      const bytes = new Uint8Array(200_000)
      for (const [i, size] of [1, 65_535, 1, 65_536, 65_537, 7, 200_000, 40_000, 40_000].entries()) {
        const part = bytes.subarray(0, size).fill(i + 1)
        expected.push(part.slice())
        await sink.write(part)
      }
    })
    expect((await readFile(path)).equals(Buffer.concat(expected))).toBe(true)
  })
  test('a failure keeps the old file and removes the new one', async () => {
    const path = join(folder, 'kept', 'model.bin')
    await mkdir(join(folder, 'kept'))
    await writeFile(path, 'old')
    const own = new InverseFormError('invalid-checkpoint', 'own')
    const error = await errorOf(
      writeFileAtomically(path, async (sink) => {
        await sink.write(file)
        throw own
      }),
    )
    expect(error).toBe(own)
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(join(folder, 'kept'))).toEqual(['model.bin'])
  })
  test.each([
    ['no folder', () => join(folder, 'none', 'x'), /Create the folder/],
    ['a file as folder', () => join(fixtures, name, 'x'), /is a file/],
    ['a folder as file', () => folder, /names a folder/],
  ])('%s', async (_, path, hint) => {
    const error = await errorOf(writeFileAtomically(path(), (sink) => sink.write(file)))
    expect(error.code).toBe('write-failed')
    expect(error.message).toContain(path())
    expect(error.hint).toMatch(hint)
  })
})

describe('urlSource', () => {
  let server: Server | undefined
  const requests: string[] = []
  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
    requests.length = 0
  })

  /** A server of this one answer; the range asked for is given when there is one. */
  async function serve(
    answer: (response: ServerResponse, start: number, end: number) => void,
  ): Promise<string> {
    server = createServer((request, response) => {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
      requests.push(`${request.headers.range} ${request.headers.authorization ?? ''}`.trim())
      answer(response, Number(range?.[1]), Number(range?.[2]) + 1)
    })
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.pth`
  }

  const ranges = (response: ServerResponse, start: number, end: number, size = file.length) =>
    response
      .writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${size}` })
      .end(file.subarray(start, end))

  test('reads by ranges, no more than asked for', async () => {
    const url = await serve(ranges)
    const source = await urlSource(url, { headers: { Authorization: 'Bearer x' } })
    expect(source.name).toBe(url)
    await expectCheckpoint(source)
    expect(requests[0]).toBe('bytes=0-0 Bearer x')
    expect(requests).toContain(`bytes=100-1233 Bearer x`)
  })

  test('downloads once from a server without ranges', async () => {
    const url = await serve((response) =>
      response.writeHead(200, { 'Content-Length': file.length }).end(file),
    )
    await expectCheckpoint(await urlSource(url))
    expect(requests).toHaveLength(1)
    const error = await errorOf(urlSource(url, { maxDownloadBytes: 1000 }))
    expect(error).toMatchObject({
      code: 'limit-exceeded',
      message: expect.stringMatching(`has ${file.length} bytes, more than the 1000 allowed`),
    })
  })

  test('does not download what has no announced length', async () => {
    const url = await serve((response) => {
      response.writeHead(200)
      response.write(file)
      response.end()
    })
    expect(await errorOf(urlSource(url))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/does not tell the file's size/),
    })
  })

  test('a connection cut in the middle', async () => {
    let cut = false
    const url = await serve((response, start, end) => {
      if (!cut) {
        ranges(response, start, end)
        return
      }
      response.writeHead(206, {
        'Content-Range': `bytes ${start}-${end - 1}/${file.length}`,
        'Content-Length': end - start,
      })
      response.write(file.subarray(start, start + 10), () => response.destroy())
    })
    const source = await urlSource(url)
    cut = true
    const error = await errorOf(source.read(0, 1000))
    expect(error).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/after \d+ of 1000 bytes/),
    })
    cut = false
    expect(await source.read(0, 1000)).toEqual(file.subarray(0, 1000))
  })

  test('a whole download cut in the middle', async () => {
    const url = await serve((response) => {
      response.writeHead(200, { 'Content-Length': file.length })
      response.write(file.subarray(0, 2000), () => response.destroy())
    })
    expect(await errorOf(urlSource(url))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/of 4771 bytes/),
    })
  })

  test('a server that sends more than the range', async () => {
    const url = await serve((response, start, end) =>
      response.writeHead(206, { 'Content-Range': `bytes ${start}-${end - 1}/${file.length}` }).end(file),
    )
    const source = await urlSource(url)
    expect(await errorOf(source.read(0, 5))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/more than the 5 bytes/),
    })
  })

  test('a file that changes on the server', async () => {
    let size = file.length
    const url = await serve((response, start, end) => ranges(response, start, end, size))
    const source = await urlSource(url)
    size++
    expect(await errorOf(source.read(0, 5))).toMatchObject({
      code: 'unreadable',
      hint: expect.stringMatching(/may have changed/),
    })
  })

  test.each([
    [404, 'not-found', /404 Not Found/],
    [403, 'unreadable', /403 Forbidden/],
    [500, 'unreadable', /500/],
  ])('status %i', async (status, code, message) => {
    const url = await serve((response) => response.writeHead(status).end('<html>'))
    expect(await errorOf(urlSource(url))).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('an empty file, a hidden size, no server, an abort', async () => {
    let url = await serve((response) => response.writeHead(416, { 'Content-Range': 'bytes */0' }).end())
    expect((await urlSource(url)).size).toBe(0)
    server?.close()
    url = await serve((response) => response.writeHead(206).end('x'))
    expect(await errorOf(urlSource(url))).toMatchObject({
      code: 'unreadable',
      hint: expect.stringMatching(/Access-Control-Expose-Headers/),
    })
    server?.closeAllConnections()
    await new Promise((resolve) => server!.close(resolve))
    expect(await errorOf(urlSource(url))).toMatchObject({
      code: 'unreadable',
      message: expect.stringMatching(/ECONNREFUSED/),
    })
    const reason = new Error('stop')
    await expect(urlSource(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})

test('wrong arguments are named', async () => {
  for (const source of ['x.pth', new Uint8Array(10), undefined, {}]) {
    const error = await errorOf(openCheckpoint(source as never))
    expect(error.code).toBe('invalid-argument')
    expect(error.message).toContain('`source` must be a ByteSource { size, read }')
    expect(error.hint).toContain('fileSource')
  }
  for (const make of [() => bytesSource('abc' as never), () => bytesSource(undefined as never)]) {
    expect((await errorOf(make)).message).toContain('`bytes` must be a Uint8Array or an ArrayBuffer')
  }
  expect((await errorOf(() => blobSource({} as never))).message).toContain('`blob` must be a Blob or a File')
  const open = (options: object) => errorOf(openCheckpoint(bytesSource(file), options))
  expect((await open({ limits: { maxTensor: 1 } })).message).toContain('"maxTensor"')
  expect((await open({ limits: { maxTensors: '1' } })).message).toContain('`limits.maxTensors`')
  expect((await open({ signal: 5 })).message).toContain('`signal`')
  expect((await open({ key: 5 })).message).toContain('`key`')
})
