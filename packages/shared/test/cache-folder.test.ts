import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { inverseFormCache, userCacheFolder } from '../src/node/index.js'

test.each([
  ['linux', { XDG_CACHE_HOME: '/caches' }, '/caches'],
  ['linux', { XDG_CACHE_HOME: 'relative' }, join(homedir(), '.cache')],
  ['linux', {}, join(homedir(), '.cache')],
  ['darwin', {}, join(homedir(), 'Library', 'Caches')],
  ['win32', { LOCALAPPDATA: 'C:\\Local' }, 'C:\\Local'],
] as const)("the user's cache folder on %s with %j", (platform, env, folder) => {
  expect(userCacheFolder(platform, env)).toBe(folder)
})

test('a user without a home has no cache folder, except one from the environment', () => {
  const homeless = () => {
    throw new Error('uv_os_homedir returned ENOENT')
  }
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    expect(userCacheFolder(platform, {}, homeless)).toBeUndefined()
  }
  expect(userCacheFolder('linux', { XDG_CACHE_HOME: '/caches' }, homeless)).toBe('/caches')
})

test("INVERSEFORM_CACHE comes before the user's cache folder", () => {
  const caches = userCacheFolder() as string
  expect(inverseFormCache({ ...process.env, INVERSEFORM_CACHE: '/big' })).toBe('/big')
  expect(inverseFormCache({ ...process.env, INVERSEFORM_CACHE: 'big' })).toBe(resolve('big'))
  expect(inverseFormCache({ ...process.env, INVERSEFORM_CACHE: '' })).toBe(join(caches, 'inverseform'))
})
