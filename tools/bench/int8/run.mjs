// Measures a network in int8 next to the same network in float32: time, and how many labels differ.
import { parseArgs } from 'node:util'
import { createSegmenter } from '@inverseform/runtime-node'
import sharp from 'sharp'
import { features, machine } from '../lib/machine.mjs'
import { median, ratio, report, table } from '../lib/report.mjs'

const usage = `usage: node --conditions=@inverseform/source --import tsx tools/bench/int8/run.mjs FLOAT INT8 IMAGE
       [--device cpu] [--threads 2] [--runs 9] [--size 2048x1024] [--out FILE.md]

FLOAT is a checkpoint. INT8 is the file that \`inverseform convert FLOAT --precision int8 --calibrate FOLDER\` wrote.
`
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: 'string', default: 'cpu' },
    threads: { type: 'string', default: '2' },
    runs: { type: 'string', default: '9' },
    size: { type: 'string', default: '2048x1024' },
    out: { type: 'string' },
  },
})
const [threads, runs] = [values.threads, values.runs].map(Number)
const [width, height] = values.size.split('x').map(Number)
const sizes = [threads, runs, width, height]
if (positionals.length !== 3 || !sizes.every((value) => Number.isInteger(value) && value > 0)) {
  process.stderr.write(usage)
  process.exit(2)
}

const [float, int8, picture] = positionals
const image = await resized(picture)
const sides = [await open('float32', float), await open('int8', int8)]
const labels = []
for (let run = 0; run <= runs; run++) {
  for (const [i, { segmenter, network, whole }] of sides.entries()) {
    const start = performance.now()
    const result = await segmenter.segment(image)
    const total = performance.now() - start
    labels[i] = result.labels
    // The first run allocates memory.
    if (run === 0) continue
    network.push(result.timings.network)
    whole.push(total)
  }
}
for (const { segmenter } of sides) await segmenter.dispose()

const equal = labels[0].reduce((count, label, i) => count + Number(label === labels[1][i]), 0)
const figures = (times, base) => [
  `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)}) ms`,
  `${ratio(median(times), median(base))} (${ratio(Math.min(...times), Math.min(...base))})`,
]
const rows = sides.map(({ name, network, whole }) => [
  name,
  ...figures(network, sides[0].network),
  ...figures(whole, sides[0].whole),
])
report(
  [
    `Machine: ${machine()}; ${features()}; ${values.device}, ${threads} threads.`,
    `One image of ${width}x${height}, ${runs} runs of each side in turn. Medians (minima). ${((100 * equal) / labels[0].length).toFixed(2)} % of the labels are equal.`,
    table(['', 'network', 'of float32', 'image to labels', 'of float32'], rows),
  ],
  values.out,
)

async function open(name, checkpoint) {
  const segmenter = await createSegmenter({ checkpoint, device: values.device, threads, workers: 1 })
  return { name, segmenter, network: [], whole: [] }
}

async function resized(path) {
  const pixels = await sharp(path).resize(width, height, { fit: 'fill' }).removeAlpha().raw().toBuffer()
  return { data: new Uint8Array(pixels), width, height }
}
