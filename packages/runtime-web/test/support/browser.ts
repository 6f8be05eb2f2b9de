import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

/** Where systems install Chromium; `CHROMIUM_PATH` says where else. */
const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

export const chromiumPath = candidates.find((path) => path && existsSync(path))
if (!chromiumPath)
  console.warn('There is no Chromium: the tests that need a browser are skipped. Set CHROMIUM_PATH.')

/** SwiftShader: a Vulkan driver on the CPU, slow but a real device. Canvases need it for the rest of the browser too. */
const softwareGpu = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
]

export function launch({
  webgpu = false,
  args = [],
}: {
  readonly webgpu?: boolean
  readonly args?: readonly string[]
} = {}): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', ...(webgpu ? softwareGpu : []), ...args],
  })
}

/** A page of the site, its script ready. */
export async function openPage(browser: Browser, origin: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(origin)
  await page.waitForFunction(() => 'harness' in globalThis)
  return page
}
