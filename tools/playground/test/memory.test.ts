import { readFileSync } from 'node:fs'
import { chromiumPath, launch } from '@inverseform/testing/browser'
import type { Browser, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { keepOne, openPlayground, segmented, smallImage } from './support/playground.js'
import { buildSite, previewSite } from './support/site.js'

/** Returns the bytes in use after the page and its worker have collected their garbage. */
async function memory(browser: Browser, page: Page) {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.enable')
  // The second collection frees what finalizers released.
  for (let i = 0; i < 2; i++) {
    await session.send('HeapProfiler.collectGarbage')
    // The first worker is the segmenter's; the others are WebAssembly threads, which do not answer.
    await page.workers()[0].evaluate(() => gc!())
  }
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  await session.detach()
  return {
    /** JavaScript objects of the page. */
    heap: usedSize,
    /** The whole process of the page, with bitmaps, canvases, the worker and its WebAssembly. */
    resident: await residentBytes(browser),
  }
}

/** Returns the resident bytes of the browser's page processes; 0 on systems other than Linux. */
async function residentBytes(browser: Browser): Promise<number> {
  if (process.platform !== 'linux') return 0
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))![1]) * 1024)
    .reduce((total, bytes) => total + bytes, 0)
}

test.skipIf(!chromiumPath)('memory stays constant over 50 images', async () => {
  await using files = await buildSite()
  await using site = await previewSite(files.folder)
  const browser = await launch({ engineFlags: ['--expose-gc'] })
  try {
    const { page, complaints } = await openPlayground(browser, site.url)
    await keepOne(page)
    const segment = async (run: number) => {
      await page.locator('#image-file').setInputFiles(smallImage(`run-${run}.png`, 512, 256))
      await segmented(page, `run-${run}.png`)
    }
    for (let run = 1; run <= 10; run++) await segment(run)
    const early = await memory(browser, page)
    for (let run = 11; run <= 50; run++) await segment(run)
    const late = await memory(browser, page)
    // Pixels, labels and edges of one image take 1.1 MB, so 40 leaked images would take 45 MB.
    expect(late.heap - early.heap).toBeLessThan(1e6)
    expect(late.resident - early.resident).toBeLessThan(20e6)
    expect(complaints).toEqual([])
  } finally {
    await browser.close()
  }
})
