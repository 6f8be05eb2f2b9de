// Trains hrnet16-slim on drawn scenes with the joint loss in Chromium, from a worker on WebAssembly, and prints losses, times, memory,
// and the longest gap between ticks of the page's timer.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { toTrainIds } from '@inverseform/cityscapes'
import { drawScene, sceneSeed } from '@inverseform/scenes'
import { launch, serve } from '@inverseform/testing/browser'
import { build } from 'esbuild'
import { median, table } from './report.js'
import type { Report } from './web-page.js'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '50' },
    batch: { type: 'string', default: '1' },
    crop: { type: 'string', default: '128x256' },
    threads: { type: 'string', default: '0' },
    scenes: { type: 'string', default: '8' },
  },
})
const [height, width] = values.crop.split('x').map(Number)
const settings = {
  steps: Number(values.steps),
  batchSize: Number(values.batch),
  cropSize: [height, width] as const,
  threads: Number(values.threads),
  scenes: Number(values.scenes),
}

const wasm = 'ort-wasm-simd-threaded.wasm'
const files = new Map<string, Uint8Array | string>([
  ['/', '<!doctype html><title>Training</title><script type="module" src="/web-page.js"></script>'],
  [`/${wasm}`, readFileSync(createRequire(import.meta.url).resolve(`onnxruntime-web/${wasm}`))],
  ...(await bundle()),
  ...(await drawScenes()),
])
await using site = await serve(files, { isolated: true })
const browser = await launch({ optimize: true })
try {
  const page = await browser.newPage()
  await page.goto(site.origin)
  await page.waitForFunction(() => 'trainingBench' in globalThis)
  print(await page.evaluate((settings) => trainingBench.measure(settings), settings), browser.version())
} finally {
  await browser.close()
}

async function bundle(): Promise<[path: string, content: Uint8Array][]> {
  const { outputFiles } = await build({
    entryPoints: ['web-page', 'web-worker'].map((name) =>
      fileURLToPath(new URL(`${name}.ts`, import.meta.url)),
    ),
    ...{ bundle: true, write: false, outdir: '/', format: 'esm', platform: 'browser', target: 'es2022' },
    conditions: ['@inverseform/source'],
  })
  return outputFiles.map(({ path, contents }) => [path, contents])
}

/** Draws the scenes: the pixels of each, then its train ids. */
async function drawScenes(): Promise<[path: string, content: Uint8Array][]> {
  return Promise.all(
    Array.from({ length: settings.scenes }, async (_, i): Promise<[string, Uint8Array]> => {
      const { image, labelIds } = await drawScene({ width, height, seed: sceneSeed(1, 'train', i) })
      return [`/scene/${i}`, Buffer.concat([image.data, toTrainIds(labelIds)])]
    }),
  )
}

function print({ steps, compile, timer, frames }: Report, version: string): void {
  const { batchSize, threads, scenes } = settings
  console.log(
    `Chromium ${version}, ${threads || 'all'} threads: hrnet16-slim, joint loss, ${batchSize}x${values.crop}, ${scenes} drawn scenes\n`,
  )
  const shown = steps.filter(({ step }) => step === 1 || step % 10 === 0)
  const terms = Object.keys(steps[0].terms)
  const rows = shown.map(({ step, loss, terms, gradientNorm }) => [
    String(step),
    loss.toFixed(4),
    mean(steps.slice(Math.max(0, step - 10), step).map(({ loss }) => loss)).toFixed(4),
    ...Object.values(terms).map((value) => value.toFixed(4)),
    gradientNorm.toFixed(2),
  ])
  console.log(table(['step', 'loss', 'mean of 10 steps', ...terms, 'gradient norm'], rows))
  const times = steps.map(({ milliseconds }) => milliseconds)
  console.log(`
Start: ${seconds(compile.graph)} for the graph, ${seconds(compile.session)} to compile it.
Step: minimum ${seconds(Math.min(...times))}, median ${seconds(median(times))}.
Longest gap on the page: ${timer.longestGap.toFixed(0)} ms between ${timer.count} ticks of a timer of 10 ms, ${frames.longestGap.toFixed(0)} ms between ${frames.count} frames.
WebAssembly's memory: ${(Math.max(...steps.map(({ wasmBytes }) => wasmBytes)) / 2 ** 20).toFixed(0)} MiB.`)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}
