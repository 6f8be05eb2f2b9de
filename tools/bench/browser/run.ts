// Measures hrnet16-slim from a decoded image to labels in Chromium on WebAssembly: ours, with and without graph passes, next to
// plain ONNX Runtime with full-size logits.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { memorySink, openModel } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import { drawScene } from '@inverseform/scenes'
import { launch, serve } from '@inverseform/testing/browser'
import { build } from 'esbuild'
import { median, table } from '../training/report.js'
import type { Settings } from './page.js'

const require = createRequire(import.meta.url)

const { values } = parseArgs({
  options: { size: { type: 'string', default: '512x1024' }, rounds: { type: 'string', default: '8' } },
})
const [height, width] = values.size.split('x').map(Number)
const settings: Settings = { width, height, rounds: Number(values.rounds) }
const checkpoint = fileURLToPath(new URL('../../../checkpoints/hrnet16-slim-demo.pth', import.meta.url))
const wasmFiles = ['', '.asyncify'].flatMap((kind) =>
  ['mjs', 'wasm'].map((end) => `ort-wasm-simd-threaded${kind}.${end}`),
)

const { image } = await drawScene({ width, height, seed: 1 })
await using site = await serve(
  new Map<string, Uint8Array | string>([
    ['/', '<!doctype html><title>Benchmark</title><script type="module" src="/page.js"></script>'],
    ['/checkpoint', readFileSync(checkpoint)],
    ['/model.onnx', await plainModel()],
    ['/image', Buffer.from(image.data)],
    ...wasmFiles.map(
      (file) => [`/${file}`, readFileSync(require.resolve(`onnxruntime-web/${file}`))] as const,
    ),
    ...(await bundle()),
  ]),
  { isolated: true },
)
const browser = await launch({ optimize: true })
try {
  const page = await browser.newPage()
  await page.goto(site.origin)
  await page.waitForFunction(() => 'browserBench' in globalThis)
  const { times, different } = await page.evaluate((settings) => browserBench.measure(settings), settings)
  console.log(
    `Chromium ${browser.version()}, hrnet16-slim-demo.pth, a drawn scene of ${width}x${height}, ${settings.rounds} rounds after a warm-up; ${different} labels differ from the plain side in all rounds.\n`,
  )
  const rows = Object.entries(times).map(([name, side]) => [
    name,
    `${median(side).toFixed(0)} (${Math.min(...side).toFixed(0)}) ms`,
    ...[median, (t: readonly number[]) => Math.min(...t)].map(
      (of) => `${(of(times.ours) / of(side)).toFixed(2)}x`,
    ),
  ])
  console.log(table(['image to labels', 'median (minimum)', 'ours / this', 'of minima'], rows))
} finally {
  await browser.close()
}

/** The network as a plain exporter writes it: without passes, with logits of the image's size. */
async function plainModel(): Promise<Uint8Array> {
  await using source = await fileSource(checkpoint)
  const { graph } = await openModel(source, { outputSize: 'image', passes: [] })
  const model = encodeOnnx(graph)
  const sink = memorySink(model.byteLength)
  await model.write(sink)
  return sink.finish()
}

async function bundle(): Promise<[path: string, content: Uint8Array][]> {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
  const { outputFiles } = await build({
    entryPoints: {
      page: path('page.ts'),
      'plain-worker': path('plain-worker.ts'),
      worker: path('../../../packages/runtime-web/src/worker.ts'),
    },
    ...{ bundle: true, write: false, outdir: '/', format: 'esm', platform: 'browser', target: 'es2022' },
    conditions: ['@inverseform/source'],
    logLevel: 'error',
  })
  return outputFiles.map(({ path, contents }) => [path, contents])
}
