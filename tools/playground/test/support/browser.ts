import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

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

/** SwiftShader: a Vulkan driver on the CPU, slow but a real device. */
export const softwareGpu = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
]

/** A moving test pattern in place of a camera; a page still has to be allowed to use it. */
export const fakeCamera = ['--use-fake-device-for-media-stream']

export function launch(...args: string[]): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', ...args] })
}
