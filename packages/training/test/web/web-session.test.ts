import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { input, relu } from '@inverseform/backbones/graph'
import { chromiumPath, launch, serve } from '@inverseform/testing/browser'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { StepResult } from '../../src/index.js'
import { nodeSession } from '../../src/node/session.js'
import { webSession } from '../../src/web/index.js'
import { train } from './support/train.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** Returns the page and its worker, bundled from source as an application would, and the file that ONNX Runtime needs beside them. */
async function siteFiles(): Promise<Map<string, Uint8Array | string>> {
  const { outputFiles } = await build({
    entryPoints: { page: path('support/page.ts'), worker: path('support/worker.ts') },
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    // An import of a Node module is an error.
    platform: 'browser',
    target: 'es2022',
    conditions: ['@inverseform/source'],
    logLevel: 'error',
  })
  const wasm = 'ort-wasm-simd-threaded.wasm'
  return new Map<string, Uint8Array | string>([
    ...outputFiles.map(({ path, contents }) => [path, contents] as const),
    ['/', '<!doctype html><title>Test</title><script type="module" src="/page.js"></script>'],
    [`/${wasm}`, readFileSync(createRequire(import.meta.url).resolve(`onnxruntime-web/${wasm}`))],
  ])
}

describe.skipIf(!chromiumPath)('in a worker of Chromium', () => {
  let files: Map<string, Uint8Array | string>
  let browser: Awaited<ReturnType<typeof launch>>
  const expected: StepResult[] = []
  beforeAll(async () => {
    files = await siteFiles()
    browser = await launch()
    for await (const result of train(nodeSession)) expected.push(result)
  })
  afterAll(() => browser?.close())

  async function openPage(origin: string) {
    const page = await browser.newPage()
    await page.goto(origin)
    await page.waitForFunction(() => 'training' in globalThis)
    return page
  }

  test('training on threads gives the losses of Node, while the page goes on', async () => {
    await using site = await serve(files, { isolated: true })
    const page = await openPage(site.origin)
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
    const { results, ticks } = await page.evaluate(() => training.train({ threads: 2 }))
    expect(results.map(({ step }) => step)).toEqual(expected.map(({ step }) => step))
    expect(results[0].gradientNorm / expected[0].gradientNorm).toBeCloseTo(1, 2)
    for (const [i, { loss, terms }] of expected.entries()) {
      expect(results[i].loss / loss).toBeCloseTo(1, 2.5)
      expect(Object.keys(results[i].terms)).toEqual(Object.keys(terms))
      expect(ticks[i]).toBeGreaterThan(0)
    }
    await page.close()
  })

  test('a wrong place of the files of ONNX Runtime is an error that says so', async () => {
    await using site = await serve(files)
    const page = await openPage(site.origin)
    const error = await page.evaluate(() =>
      training.train({ wasmPaths: '/nowhere' }).catch((error) => ({ ...error })),
    )
    expect(error).toMatchObject({ code: 'runtime-unavailable', hint: expect.stringContaining('wasmPaths') })
    await page.close()
  })
})

test('a thread of ONNX Runtime does not train, and says what to change', async () => {
  vi.stubGlobal('self', { name: 'em-pthread-1' })
  try {
    await expect(webSession({ outputs: {} })).rejects.toMatchObject({
      hint: expect.stringContaining('isOnnxThread'),
    })
  } finally {
    vi.unstubAllGlobals()
  }
})

test.each([
  [{ threads: -1 }, /`threads`/],
  [{ wasmPaths: 3 as never }, /`wasmPaths`/],
])('wrong options %o are an error', async (options, message) => {
  await expect(webSession({ outputs: {} }, options)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringMatching(message),
  })
})

test('a step that needs more memory than WebAssembly has is an error before it is compiled', async () => {
  const graph = { outputs: { loss: relu(input('image', [1, 3, 2 ** 14, 2 ** 14])) } }
  await expect(webSession(graph)).rejects.toMatchObject({
    code: 'out-of-memory',
    message: expect.stringContaining('but 4 GiB are free'),
  })
})
