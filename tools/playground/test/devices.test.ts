import { chromiumPath, launch } from '@inverseform/testing/browser'
import { createServer } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keepOne, openPlayground, savedLabels, segmented, smallImage } from './support/playground.js'
import { type BuiltSite, buildSite, configFile, hostSite, previewSite } from './support/site.js'

let files: BuiltSite
beforeAll(async () => {
  files = await buildSite()
})
afterAll(() => files[Symbol.asyncDispose]())

test.skipIf(!chromiumPath)('works in a folder of any host, on one thread', async () => {
  await using site = await hostSite(files.folder)
  const browser = await launch()
  try {
    const { page, complaints } = await openPlayground(browser, site.url)
    await keepOne(page)
    await page.locator('.slot summary').click()
    expect(await page.locator('.slot .attempts li').last().textContent()).toContain('one thread')
    expect(complaints).toEqual([])
  } finally {
    await browser.close()
  }
})

test.skipIf(!chromiumPath)('works on the development server', async () => {
  const server = await createServer({ configFile, logLevel: 'warn', server: { port: 0, host: 'localhost' } })
  await server.listen()
  const browser = await launch()
  try {
    const { page } = await openPlayground(browser, server.resolvedUrls!.local[0])
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  } finally {
    await browser.close()
    await server.close()
  }
})

test.skipIf(!chromiumPath)('runs on a chosen GPU, with the labels of WebAssembly', async () => {
  await using site = await previewSite(files.folder)
  const browser = await launch({ webgpu: true })
  try {
    const { page, complaints } = await openPlayground(browser, site.url)
    await keepOne(page)
    await page.locator('#image-file').setInputFiles(smallImage('small.png'))
    await segmented(page, 'small.png')
    const wasm = await savedLabels(page, 'Train ids')
    await page.getByLabel('Device').selectOption('WebGPU')
    await page.locator('.slot .facts').filter({ hasText: 'WebGPU' }).waitFor({ timeout: 250_000 })
    const webgpu = await savedLabels(page, 'Train ids')
    const differing = webgpu.data.filter((label, i) => label !== wasm.data[i]).length
    expect(differing).toBeLessThanOrEqual(wasm.data.length / 1000)
    expect(complaints).toEqual([])
  } finally {
    await browser.close()
  }
})
