import type { Browser, Page } from 'playwright-core'

/** Opens a page of the site and waits until its script is ready. */
export async function openPage(browser: Browser, origin: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(origin)
  await page.waitForFunction(() => 'harness' in globalThis)
  return page
}
