import { open, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { systemReason } from '../src/node/index.js'

const errorOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('none'),
    (error: Error) => error,
  )

test("has no code, call or path of Node's message", async () => {
  const missing = await errorOf(open("no/such/folder, it's 'here'", 'r'))
  expect(missing.message).toMatch(/^ENOENT: .*, open 'no/)
  expect(systemReason(missing)).toBe('no such file or directory')
  expect(systemReason(await errorOf(writeFile('.', '')))).toBe('illegal operation on a directory')
  expect(systemReason(new Error('ENOSPC: no space left on device, write'))).toBe('no space left on device')
  expect(systemReason(new Error('Something else'))).toBe('Something else')
})
