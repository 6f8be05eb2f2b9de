import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { decodeLabelPng, encodeLabelPng } from '@inverseform/cityscapes'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect } from 'vitest'

const project = (path: string) => fileURLToPath(new URL(`../../../../${path}`, import.meta.url))

export const DEMO_CHECKPOINT = project('checkpoints/hrnet16-slim-demo.pth')
export const demoImage = (number: number): string =>
  project(`tools/demo/cityscapes/leftImg8bit/val/drawnton/drawnton_00000${number}_000019_leftImg8bit.png`)

/** Replaces the camera by a moving test pattern. The page still needs permission to use it. */
export const fakeCamera = ['--use-fake-device-for-media-stream']

/** The page, and errors that a user would not see. */
export interface Playground {
  readonly page: Page
  /** Errors in the console, exceptions, failed requests, and requests to other origins. */
  readonly complaints: readonly string[]
}

/** Opens the page and waits until both bundled checkpoints have segmented the demo image. */
export async function openPlayground(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Playground> {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error.stack)))
  page.on('requestfailed', (request) => {
    // Chromium reports HEAD requests of a terminated worker as aborted, even after their response.
    if (request.method() !== 'HEAD') complaints.push(`${request.url()} ${request.failure()?.errorText}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()} ${response.status()}`)
  })
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url())
    if (protocol !== 'data:' && origin !== new URL(url).origin) complaints.push(`asked ${request.url()}`)
  })
  await page.goto(url)
  await segmented(page, 'drawnton_000000')
  await page.getByText('With InverseForm (right) agree on').waitFor({ timeout: 60_000 })
  return { page, complaints }
}

/** Removes the second checkpoint, makes the one with InverseForm the first, and waits until the threads of both have ended. */
export async function keepOne(page: Page): Promise<void> {
  const previous = page.workers()
  await page.getByRole('button', { name: 'Remove' }).click()
  await page.getByText(/^\d+ classes found\.$/).waitFor()
  await page.locator('.slot .model-choice').selectOption('With InverseForm (bundled)')
  await page
    .locator('.slot .name')
    .filter({ hasText: /^hrnet16-slim-demo\.pth$/ })
    .waitFor()
  await expect
    .poll(() => page.workers().some((worker) => previous.includes(worker)), { timeout: 60_000 })
    .toBe(false)
}

/** Waits until the result for an image is announced, and returns the announcement. */
export async function segmented(page: Page, name: string): Promise<string> {
  const status = page.getByRole('status').filter({ hasText: new RegExp(`${name}.*class`) })
  await status.waitFor({ state: 'attached', timeout: 60_000 })
  return (await status.textContent())!
}

/** Presses a button under "Save as PNG", with two checkpoints in the group of one. Returns the name and the path of the file. */
export async function savedFile(page: Page, button: string, checkpoint?: string) {
  const save = page.locator('#save')
  const group = checkpoint === undefined ? save : save.getByRole('group', { name: checkpoint, exact: true })
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    group.getByRole('button', { name: button }).click(),
  ])
  return { file: download.suggestedFilename(), path: await download.path() }
}

/** Reads the label map of {@link savedFile}. */
export async function savedLabels(page: Page, button: string, checkpoint?: string) {
  const { file: name, path } = await savedFile(page, button, checkpoint)
  const { width, height, data } = decodeLabelPng(await readFile(path))
  return { name, width, height, data: data as Uint8Array }
}

/** Returns the pixels of a side of the wipe, RGBA. */
export async function sidePixels(page: Page, side: 'a' | 'b'): Promise<Buffer> {
  const url = await page.evaluate(async (side) => {
    const canvas = document.querySelector(`#side-${side}`) as HTMLCanvasElement
    const { width, height } = canvas
    // Drawing works with any kind of context.
    const context = new OffscreenCanvas(width, height).getContext('2d')!
    context.drawImage(canvas, 0, 0)
    const reader = new FileReader()
    reader.readAsDataURL(new Blob([context.getImageData(0, 0, width, height).data]))
    await new Promise((resolve) => reader.addEventListener('load', resolve))
    return reader.result as string
  }, side)
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
}

/** Returns a grayscale image file with a pattern. */
export function smallImage(name: string, width = 128, height = 64) {
  const data = Uint8Array.from({ length: width * height }, (_, i) => 128 + 100 * Math.sin(i / 40) + (i % 19))
  return { name, mimeType: 'image/png', buffer: Buffer.from(encodeLabelPng({ width, height, data })) }
}
