import { spawnSync } from 'node:child_process'
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@inverseform/testing/downloads'
import { expect, test } from 'vitest'
import { type LockHolder, withLock } from '../src/node/lock.js'
import { ownProcess } from '../src/node/process-id.js'

test('lets one caller work at a time, and leaves nothing', async () => {
  const folder = await temporaryFolder()
  let [working, most] = [0, 0]
  const work = async () => {
    most = Math.max(most, ++working)
    await new Promise((resolve) => setTimeout(resolve, 20))
    working--
  }
  await Promise.all([1, 2, 3, 4].map(() => withLock(join(folder, 'lock'), { interval: 5 }, work)))
  expect(most).toBe(1)
  expect(await readdir(folder)).toEqual([])
})

test('a folder or a broken link in its place is named, instead of waiting forever', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const refused = () => withLock(path, { signal: AbortSignal.timeout(2000) }, async () => {})
  const error = { code: 'write-failed', message: expect.stringContaining(path) }
  await mkdir(path)
  await expect(refused()).rejects.toMatchObject(error)
  await rm(path, { recursive: true })
  await symlink('nowhere', path)
  await expect(refused()).rejects.toMatchObject(error)
})

test('is released when the work fails', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const fail = () => withLock(path, {}, () => Promise.reject(new Error('no')))
  await expect(fail()).rejects.toThrow('no')
  await expect(fail()).rejects.toThrow('no')
})

test('is taken over from a process that ended', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  await writeFile(path, JSON.stringify({ ...ownProcess(), process: pid, id: 'x' }))
  expect(await withLock(path, { staleAfter: 1e9 }, async ({ isHeld }) => isHeld())).toBe(true)
})

// Only Linux tells when a process was started.
test.runIf(process.platform === 'linux')(
  'is taken over when another process has the number by now',
  async () => {
    const path = join(await temporaryFolder(), 'lock')
    await writeFile(path, JSON.stringify({ ...ownProcess(), started: '1', id: 'x' }))
    expect(await withLock(path, { staleAfter: 1e9 }, async ({ isHeld }) => isHeld())).toBe(true)
  },
)

test('names the process that holds it, which need not refresh it', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const { process: id, host } = ownProcess()
  await writeFile(path, JSON.stringify({ ...ownProcess(), id: 'x' }))
  const onWait = (holder: LockHolder) => {
    throw holder
  }
  const refused = withLock(path, { staleAfter: 0, onWait }, async () => {})
  await expect(refused).rejects.toEqual({ process: id, host, isAlive: true })
  await writeFile(path, elsewhere('x'))
  const unknown = withLock(path, { staleAfter: 1e9, onWait }, async () => {})
  await expect(unknown).rejects.toEqual({ process: 1, host: 'elsewhere', isAlive: false })
})

test('is taken over from another machine when nobody refreshes it', async () => {
  const path = join(await temporaryFolder(), 'lock')
  await writeFile(path, elsewhere('x'))
  let waits = 0
  const options = { staleAfter: 100, interval: 10, onWait: () => waits++ }
  expect(await withLock(path, options, async ({ isHeld }) => isHeld())).toBe(true)
  expect(waits).toBeGreaterThan(0)
})

test('is waited for as long as its holder refreshes it, unless the caller aborts', async () => {
  const path = join(await temporaryFolder(), 'lock')
  const { promise, resolve } = deferred()
  const holder = withLock(path, { staleAfter: 200 }, () => promise)
  const signal = AbortSignal.timeout(600)
  await expect(withLock(path, { staleAfter: 200, interval: 10, signal }, async () => {})).rejects.toThrow(
    'timeout',
  )
  resolve()
  await holder
  expect(await withLock(path, {}, async () => 'next')).toBe('next')
})

test('tells its holder that another one took over', async () => {
  const path = join(await temporaryFolder(), 'lock')
  await withLock(path, {}, async ({ isHeld }) => {
    await writeFile(path, elsewhere('y'))
    expect(await isHeld()).toBe(false)
  })
  expect(await readdir(join(path, '..'))).toEqual(['lock'])
})

/** Returns the lock of a process of another machine. */
const elsewhere = (id: string) =>
  JSON.stringify({ process: 1, started: '1', host: 'elsewhere', place: '00000000', id })

function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>((onResolve) => {
    resolve = onResolve
  })
  return { promise, resolve: () => resolve() }
}
