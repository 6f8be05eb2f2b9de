import { afterEach, expect, test, vi } from 'vitest'
import { createSegmenter, listCachedCheckpoints } from '../src/index.js'
import { defaultMemoryBudget } from '../src/worker/start-segmenter.js'

afterEach(() => vi.unstubAllGlobals())

test.each(['/models/demo.pth', 'https://example.org/demo.pth'])(
  'on a server that renders pages, a segmenter of %s needs a browser',
  async (checkpoint) => {
    await expect(createSegmenter({ checkpoint })).rejects.toMatchObject({
      code: 'runtime-unavailable',
      message: 'Web workers are missing: this is not a browser.',
      hint: expect.stringMatching(/in the browser.*runtime-node\.$/),
    })
    expect(await listCachedCheckpoints()).toEqual([])
  },
)

test.each([
  [{ deviceMemory: 2 }, 0.5],
  [{ deviceMemory: 8 }, 2],
  [{ deviceMemory: 32 }, 2],
  [{}, 1],
])('the default memory budget of a device that reports %o is %d GiB', (navigator, gibibytes) => {
  vi.stubGlobal('navigator', navigator)
  expect(defaultMemoryBudget()).toBe(gibibytes * 2 ** 30)
})
