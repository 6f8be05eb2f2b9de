import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createSegmenter as createNodeSegmenter } from '@inverseform/runtime-node'
import { chromiumPath, isolation, launch, serve } from '@inverseform/testing/browser'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  APP_PATH,
  type App,
  viteServer,
  withoutBundler,
  withVite,
  withWebpack,
  writeApp,
} from './support/apps.js'
import { DEMO_CHECKPOINT } from './support/files.js'
import { install } from './support/installed.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const checkpoint = path(`../../../${DEMO_CHECKPOINT}`)
const image = path('fixtures/street.png')

/** The policy that README.md describes, which also allows the page's icon. */
const policy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; img-src data:"

describe.skipIf(!chromiumPath)('an application', () => {
  let installed: Awaited<ReturnType<typeof install>>
  let browser: Browser
  let expected: number[]
  const data = new Map([
    ['models/demo.pth', readFileSync(checkpoint)],
    ['street.png', readFileSync(image)],
  ])
  beforeAll(async () => {
    installed = await install()
    await writeApp(installed.folder, data)
    browser = await launch()
    await using node = await createNodeSegmenter({ checkpoint, device: 'cpu' })
    expected = Array.from((await node.segment(image)).labels as Uint8Array)
  })
  afterAll(async () => {
    await browser?.close()
    await installed?.[Symbol.asyncDispose]()
  })

  /** Opens an application that segments the image, and expects no errors and no requests to other origins. */
  async function expectToSegment(origin: string): Promise<void> {
    const page = await browser.newPage()
    const complaints: string[] = []
    let complained = () => {}
    const complaint = new Promise<void>((resolve) => (complained = resolve))
    const complain = (what: string) => {
      complaints.push(what)
      complained()
    }
    const origins = new Set<string>()
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complain(message.text())
    })
    page.on('pageerror', (error) => complain(error.message))
    page.on('requestfailed', (request) => complain(`${request.url()} failed`))
    page.on('response', (response) => {
      if (!response.ok()) complain(`${response.url()}: ${response.status()}`)
    })
    page.context().on('request', (request) => {
      if (/^(https?|wss?):/.test(request.url())) origins.add(new URL(request.url()).origin)
    })
    await page.goto(origin + APP_PATH)
    await Promise.race([page.waitForFunction(() => 'found' in globalThis), complaint])
    expect(complaints).toEqual([])
    expect([...origins]).toEqual([origin])
    const found = await page.evaluate(
      () => (globalThis as unknown as { found: { width: number; height: number; labels: number[] } }).found,
    )
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    expect(found).toMatchObject({ width: 256, height: 128 })
    expect(found.labels).toEqual(expected)
    await page.close()
  }

  test.each<[string, (folder: string) => Promise<App>]>([
    ['built by Vite', withVite],
    ['built by webpack', withWebpack],
    ['without a bundler', withoutBundler],
  ])(
    '%s segments an image on threads, without requests to other servers, under a strict policy',
    async (_, build) => {
      await using site = await serve(await build(installed.folder), { isolated: true, policy })
      await expectToSegment(site.origin)
    },
  )

  test("on Vite's development server segments an image", async () => {
    const server = await viteServer(installed.folder, isolation)
    try {
      await expectToSegment(new URL(server.resolvedUrls?.local[0] as string).origin)
    } finally {
      await server.close()
    }
  })
})
