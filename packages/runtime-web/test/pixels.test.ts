import { readImage } from '@inverseform/runtime-node'
import { imageFixtures, largestDifference } from '@inverseform/testing'
import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from './support/browser.js'
import { pageOf } from './support/files.js'

describe.skipIf(!chromiumPath)('Chromium reads the pixels that Node reads', () => {
  let site: Awaited<ReturnType<typeof serve>>
  let browser: Browser
  let page: Page
  beforeAll(async () => {
    const images = imageFixtures().map(({ name, bytes }) => [`/images/${name}`, bytes] as const)
    site = await serve(
      new Map<string, Uint8Array | string>([...(await pageOf('sources-page.ts')), ...images]),
    )
    browser = await launch()
    page = await openPage(browser, site.origin)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.[Symbol.asyncDispose]()
  })

  test.each(imageFixtures())('of $name', async ({ name, bytes }) => {
    const node = await readImage(new Uint8Array(bytes))
    const web = await page.evaluate(async (url) => {
      const { data, width, height } = await sources.rgbOf(url)
      return { data: Array.from(data), width, height }
    }, `/images/${name}`)
    expect([web.width, web.height]).toEqual([node.width, node.height])
    // Decoders of AVIF round differently when they convert YUV to RGB.
    expect(largestDifference(web.data, node.data)).toBeLessThanOrEqual(name === 'lossy.avif' ? 1 : 0)
  })
})
