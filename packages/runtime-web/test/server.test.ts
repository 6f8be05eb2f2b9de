import { afterEach, expect, test, vi } from 'vitest'
import { createSegmenter, listCachedWeights } from '../src/index.js'
import { defaultMemoryBudget } from '../src/memory-budget.js'

afterEach(() => vi.unstubAllGlobals())

test.each(['/models/demo.pth', 'https://example.org/demo.pth'])(
  'where pages are rendered on a server, a segmenter of %s says that it needs a browser',
  async (source) => {
    await expect(createSegmenter({ source })).rejects.toMatchObject({
      code: 'runtime-unavailable',
      message: expect.stringContaining('not a browser'),
      hint: expect.stringMatching(/in the browser.*runtime-node\.$/),
    })
    expect(await listCachedWeights()).toEqual([])
  },
)

test.each([
  [{ deviceMemory: 2 }, 0.5],
  [{ deviceMemory: 8 }, 2],
  [{ deviceMemory: 32 }, 2],
  [{}, 1],
])('of a device that says %o, activations get %d GiB', (navigator, gibibytes) => {
  vi.stubGlobal('navigator', navigator)
  expect(defaultMemoryBudget()).toBe(gibibytes * 2 ** 30)
})
