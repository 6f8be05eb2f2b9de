import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { goldenInputs } from '../../backbones/test/support/golden.js'
import { relativeError } from '../../backbones/test/support/tensors.js'
import { chromiumPath, launch, openPage } from './support/browser.js'
import { siteFiles } from './support/files.js'
import { expectGoldens } from './support/goldens.js'
import { serve } from './support/server.js'

describe.skipIf(!chromiumPath)('on WebGPU', () => {
  let site: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    site = await serve(await siteFiles())
    browser = await launch({ webgpu: true })
    page = await openPage(browser, site.origin)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })

  test('gives the published numbers, on the GPU', async () => {
    expect(await expectGoldens(page, 'webgpu', 1e-3, goldenInputs.slice(0, 1))).toBeGreaterThan(100)
  })

  test('is used when asked for; auto passes a GPU in software over', async () => {
    const { gpu, auto } = await page.evaluate(async () => {
      const pixels = Uint8ClampedArray.from({ length: 61 * 37 * 4 }, (_, i) => (i * 31) % 251)
      const image = new ImageData(pixels, 61, 37)
      const run = async (device: 'webgpu' | 'auto') => {
        const segmenter = await harness.createSegmenter({ source: '/models/demo.pth', device })
        const result = harness.plain(await segmenter.segment(image, { outputs: ['logits'] }))
        await segmenter.dispose()
        return { device: segmenter.device, ladder: segmenter.ladder, logits: result.logits as number[] }
      }
      return { gpu: await run('webgpu'), auto: await run('auto') }
    })
    expect(gpu.device).toBe('webgpu')
    expect(gpu.ladder).toMatchObject([{ device: 'webgpu', outcome: 'used' }])
    expect(auto.ladder).toMatchObject([
      { device: 'webgpu', outcome: 'refused' },
      { device: 'wasm', outcome: 'used' },
    ])
    expect(relativeError(gpu.logits, auto.logits)).toBeLessThan(1e-3)
  })
})
