// Measures the kernels around a network on one core, next to their TypeScript forms, and compares the results.
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { toTrainIds } from '@inverseform/cityscapes'
import { build } from 'esbuild'
import { machine } from '../lib/machine.mjs'
import { median, ratio, report, table } from '../lib/report.mjs'
import { street } from '../lib/street.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'
import { uniform } from '../lib/uniform.mjs'

const { values } = parseArgs({
  options: { repeats: { type: 'string', default: '9' }, out: { type: 'string' } },
})

/** One file, because calls between modules that were not bundled are slower. */
async function bundled() {
  const folder = temporaryFolder()
  const outfile = join(folder, 'runtime.mjs')
  const modules = [
    'index',
    'kernels/kernels',
    'kernels/with-reader',
    'kernels/views',
    'maps/map-reader',
    'segment/scales',
  ]
  await build({
    stdin: {
      contents: modules.map((name) => `export * from './${name}.ts'`).join('\n'),
      resolveDir: fileURLToPath(new URL('../../../packages/runtime/src', import.meta.url)),
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@inverseform/source'],
    outfile,
  })
  return import(pathToFileURL(outfile).href)
}

const runtime = await bundled()
const { arrayReader, blendScales, kernelView, normalizeImages, releaseView, tensorBatch } = runtime
const [width, height, channels] = [2048, 1024, 19]

const noise = (name, c, w, h) => Float32Array.from(uniform(name, c * w * h), (x) => 8 * x - 4)
/** Logits of a street: a class in each place, and some of its rivals. */
function scene(w, h) {
  const classes = toTrainIds(street(1, w, h).prediction)
  return noise('scene', channels, w, h).map(
    (x, i) => x / 8 + (classes[i % (w * h)] === Math.floor(i / (w * h)) ? 4 : 0),
  )
}
const source = (data, c, w, h, more = {}) => ({
  tensor: { data, shape: [1, c, h, w] },
  image: 0,
  output: 'logits',
  mirrored: false,
  ...more,
})
const maps = {
  scene: source(scene(512, 256), channels, 512, 256),
  noise: source(noise('noise', channels, 512, 256), channels, 512, 256),
  edge: source(noise('edge', 1, 512, 256), 1, 512, 256),
}
const hms = [2, 1, 0.5, 0.25].map((scale) => {
  const [w, h] = [512 * scale, 256 * scale]
  return {
    scale,
    width: width * scale,
    height: height * scale,
    logits: source(scale === 1 ? maps.scene.tensor.data : scene(w, h), channels, w, h),
    attention: source(
      noise(`attention ${scale}`, 1, w, h).map((x) => x / 8 + 0.5),
      1,
      w,
      h,
    ),
  }
})
const image = { width, height, data: Uint8Array.from(uniform('pixels', 3 * width * height), (x) => 256 * x) }
const viewOf = (scale, mirrored = false) => {
  const size = { width: scale * width, height: scale * height }
  return { ...size, mirrored, tile: { x: 0, y: 0, ...size } }
}

const enlarged = (reader, map) => reader.resize(reader.rows(map), width, height)
const readings = {
  'labels, scene': (reader) => reader.labels(maps.scene, width, height),
  'labels, noise': (reader) => reader.labels(maps.noise, width, height),
  'labels and confidence, scene': (reader) =>
    reader.read(enlarged(reader, maps.scene), { labels: true, confidence: true }),
  edges: (reader) => reader.plane(enlarged(reader, maps.edge), true),
  'labels, mirrored image averaged': (reader) =>
    reader.read(
      reader.mean([enlarged(reader, maps.scene), enlarged(reader, { ...maps.scene, mirrored: true })]),
      { labels: true },
    ),
  'labels, four scales blended by attention': (reader) => {
    const rows = hms.map((output) => ({
      ...output,
      logits: reader.rows(output.logits),
      attention: reader.rows(output.attention),
    }))
    return reader.read(blendScales(reader, rows, width, height), { labels: true })
  },
}
const views = {
  input: viewOf(1),
  'input, mirrored': viewOf(1, true),
  'input, half': viewOf(0.5),
  'input, double': viewOf(2),
}

const comparisons = [
  ...Object.entries(readings).map(([name, read]) => ({
    name,
    kernels: () => runtime.withReader(channels, 2 * width, read),
    twin: () => read(arrayReader),
  })),
  ...Object.entries(views).map(([name, view]) => ({
    name,
    kernels: () =>
      runtime.withKernels(
        0,
        (kernels) => {
          const tensor = kernelView(kernels, [image], view)
          releaseView(tensor)
          return tensor.data
        },
        () => undefined,
      ),
    twin: () => tensorBatch(normalizeImages([image])).view(view).data,
  })),
]

/** Returns the processor's time, which other load on the machine changes less than the time that passes. */
function time(work) {
  const started = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(started)
  return { ms: (user + system) / 1000, result }
}

/** Returns how many values of two results differ, and by how much at most. */
function compare(a, b) {
  if (!ArrayBuffer.isView(a)) {
    return Object.keys(a)
      .map((key) => `${key}: ${compare(a[key], b[key])}`)
      .join('; ')
  }
  let [differing, most] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    if (a[i] === b[i]) continue
    differing++
    most = Math.max(most, Math.abs(a[i] - b[i]))
  }
  return differing === 0 ? 'equal' : `${differing} differ, by at most ${most.toExponential(0)}`
}

const rows = comparisons.map(({ name, kernels, twin }) => {
  kernels()
  const [ours, theirs] = [[], []]
  let results = ''
  for (let i = 0; i < Number(values.repeats); i++) {
    const a = time(kernels)
    const b = time(twin)
    ours.push(a.ms)
    theirs.push(b.ms)
    if (i === 0) results = compare(a.result, b.result)
  }
  const cell = (times) => `${Math.min(...times).toFixed(1)} / ${median(times).toFixed(1)} ms`
  return [name, cell(ours), cell(theirs), ratio(Math.min(...ours), Math.min(...theirs)), results]
})
report(
  [
    `1024x2048, maps of a quarter, ${channels} classes; processor time, minimum / median of ${values.repeats} turns. ${machine()}`,
    table(['', 'kernels', 'TypeScript', 'ratio of minima', 'results'], rows),
  ],
  values.out,
)
