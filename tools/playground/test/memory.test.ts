import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { chromiumPath, launch } from './support/browser.js'
import { openPlayground, segmented, smallImage } from './support/playground.js'
import { buildSite, previewSite } from './support/site.js'

/** Bytes that are left when the page and its worker have collected their garbage. */
async function memory(browser: Browser, page: Page) {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.enable')
  // What finalizers let go is collected the second time.
  for (let i = 0; i < 2; i++) {
    await session.send('HeapProfiler.collectGarbage')
    // The segmenter's; those after it are threads of WebAssembly, which wait and do not answer.
    await page.workers()[0].evaluate(() => gc!())
  }
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  await session.detach()
  return {
    /** The page's JavaScript objects. */
    heap: usedSize,
    /** All that the page's process has: bitmaps, canvases, the worker and its WebAssembly too. */
    resident: await residentBytes(browser),
  }
}

/** Of the browser's page processes; 0 where the system does not tell. */
async function residentBytes(browser: Browser): Promise<number> {
  if (process.platform !== 'linux') return 0
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))![1]) * 1024)
    .reduce((sum, bytes) => sum + bytes, 0)
}

test.skipIf(!chromiumPath)('memory is flat over 50 images', async () => {
  await using files = await buildSite()
  await using site = await previewSite(files.folder)
  const browser = await launch({ args: ['--js-flags=--expose-gc'] })
  try {
    const { page, complaints } = await openPlayground(browser, site.url)
    const segment = async (run: number) => {
      await page.locator('#image-file').setInputFiles(smallImage(`run-${run}.png`, 512, 256))
      await segmented(page, `run-${run}.png`)
    }
    for (let run = 1; run <= 10; run++) await segment(run)
    const early = await memory(browser, page)
    for (let run = 11; run <= 50; run++) await segment(run)
    const late = await memory(browser, page)
    // The pixels, labels and edges of one image are 1.1 MB: 40 that are kept would be 45 MB.
    expect(late.heap - early.heap).toBeLessThan(1e6)
    expect(late.resident - early.resident).toBeLessThan(20e6)
    expect(complaints).toEqual([])
  } finally {
    await browser.close()
  }
})
