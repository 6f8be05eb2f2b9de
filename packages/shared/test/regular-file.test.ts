import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fileError, openRegularFile, readRegularFile } from '../src/node/index.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inverseform-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function errorOf(operation: Promise<unknown>): Promise<InverseFormError> {
  const error = await operation.then(
    () => undefined,
    (cause) => cause,
  )
  expect(error).toBeInstanceOf(InverseFormError)
  return error
}

test('reads whole files, also those that claim no size', async () => {
  for (const size of [0, 1, 70_000]) {
    const path = join(folder, `file${size}`)
    const contents = Uint8Array.from({ length: size }, (_, i) => i)
    await writeFile(path, contents)
    expect(await readRegularFile(path)).toEqual(contents)
    const { handle, size: found } = await openRegularFile(path)
    await handle.close()
    expect(found).toBe(size)
  }
  if (process.platform === 'linux') {
    expect(new TextDecoder().decode(await readRegularFile('/proc/self/status'))).toContain('VmRSS')
  }
})

test('a file beyond the size names the option', async () => {
  const path = join(folder, 'large')
  await writeFile(path, new Uint8Array(11))
  const error = await errorOf(readRegularFile(path, { maxBytes: 10, limit: '`maxFileBytes`' }))
  expect(error).toMatchObject({
    code: 'limit-exceeded',
    message: `${path} has 11 bytes, at most 10 are allowed.`,
    hint: 'Check that it is the right file. If it is, raise `maxFileBytes`.',
  })
})

test.skipIf(process.platform === 'win32')('pipes, devices, sockets and folders end at once', async () => {
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  const socket = join(folder, 'socket')
  const server = createServer().listen(socket)
  const cases = [
    [pipe, 'a named pipe'],
    ['/dev/zero', 'a device'],
    [socket, 'a socket or a device'],
    [folder, 'a folder'],
  ]
  for (const [path, kind] of cases) {
    expect(await errorOf(readRegularFile(path))).toMatchObject({
      code: 'unreadable',
      message: `${path} is ${kind}.`,
    })
  }
  server.close()
})

test('an abort, a missing file, a wrong path and too many open files', async () => {
  const path = join(folder, 'small')
  await writeFile(path, 'x')
  const reason = new Error('stop')
  await expect(readRegularFile(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  expect((await errorOf(openRegularFile(join(folder, 'none')))).code).toBe('not-found')
  expect((await errorOf(openRegularFile('a\0b'))).code).toBe('invalid-argument')
  const error = fileError('x', Object.assign(new Error('EMFILE'), { code: 'EMFILE' }))
  expect(error.message).toBe('x cannot be opened. This process ran out of open files.')
})
