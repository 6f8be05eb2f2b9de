import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeFolder } from '../src/node/index.js'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'inverseform-test-'))
})
afterAll(() => rm(root, { recursive: true, force: true }))

test('makes a folder and those above it, by several callers at once and again', async () => {
  const path = join(root, 'a', 'b', 'c')
  await Promise.all([makeFolder(path), makeFolder(path), makeFolder(join(root, 'a', 'b'))])
  await makeFolder(path)
  expect((await stat(path)).isDirectory()).toBe(true)
})

test.each([
  ['file', 'a file of that name exists'],
  ['file/below', 'one of its parents is a file'],
])('says why %s could not be created', async (name, reason) => {
  await writeFile(join(root, 'file'), '')
  const path = join(root, name)
  await expect(makeFolder(path)).rejects.toMatchObject({
    code: 'write-failed',
    message: `The folder ${path} could not be created: ${reason}.`,
  })
})

test('refuses an empty path, as of a variable that is not set', async () => {
  await expect(makeFolder('')).rejects.toMatchObject({ message: 'The path of the folder is empty.' })
})

test.runIf(process.platform === 'linux')('ends where a folder is there but takes none', async () => {
  await expect(makeFolder('/proc/none/below')).rejects.toMatchObject({ code: 'write-failed' })
})
