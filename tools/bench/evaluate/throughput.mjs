// Measures how many images of a data set `inverseform eval` scores in a second, next to its networks alone: the same number of
// workers and threads on images that are already decoded, without edges, scores or pictures.
import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openDataset } from '@inverseform/cityscapes/node'
import { createSegmenter, readImage } from '@inverseform/runtime-node'
import { machine } from '../lib/machine.mjs'
import { median, report, table } from '../lib/report.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    checkpoint: { type: 'string', default: 'checkpoints/hrnet16-slim-demo.pth' },
    images: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '3' },
    out: { type: 'string' },
  },
})
if (values.data === undefined) {
  process.stderr.write(
    'usage: node tools/bench/evaluate/throughput.mjs --data CITYSCAPES [--checkpoint FILE] [--images 24] [--rounds 3] [--out FILE.md]\n' +
      '`pnpm scenes --out FOLDER --train 0 --val 24 --size 1024x2048` draws a data set.\n',
  )
  process.exit(2)
}
const { data, checkpoint, images: count } = values
const cli = fileURLToPath(new URL('../../../packages/cli/dist/bin.js', import.meta.url))
const folder = temporaryFolder()

const { samples } = await openDataset({ data, split: 'val' })
const image = await readImage(samples[0].image)

/** Images in a second, from the first image to the last, of the whole command: files, scores, pictures of 20 images, report. */
function evaluate(workers) {
  const args = ['--checkpoint', checkpoint, '--data', data, '--limit', count, '--edge-head', '--json']
  const flags = ['--workers', String(workers), '--out', join(folder, 'report')]
  const text = execFileSync(process.execPath, [cli, 'eval', ...args, ...flags], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 2 ** 26,
  })
  return Number(count) / JSON.parse(text).seconds.total
}

/** Images in a second that the networks of all workers could do if nothing else had to be done. */
async function networksAlone(workers) {
  const segmenter = await createSegmenter({ checkpoint, edgeHead: true, workers })
  const lanes = Array.from({ length: workers }, async () => {
    const times = []
    for (let i = 0; i < Math.ceil(Number(count) / workers) + 1; i++) {
      const { timings } = await segmenter.segment(image)
      if (i > 0) times.push(timings.network)
    }
    return times
  })
  const times = (await Promise.all(lanes)).flat()
  await segmenter.dispose()
  return (1000 * workers * times.length) / times.reduce((a, b) => a + b)
}

const rows = []
for (const workers of [1, availableParallelism()]) {
  const pairs = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const network = await networksAlone(workers)
    pairs.push({ whole: evaluate(workers), network })
  }
  const text = (numbers) => `${median(numbers).toFixed(2)} (${Math.max(...numbers).toFixed(2)})`
  rows.push([
    workers,
    text(pairs.map(({ whole }) => whole)),
    text(pairs.map(({ network }) => network)),
    median(pairs.map(({ whole, network }) => whole / network)).toFixed(2),
  ])
}
report(
  [
    `Machine: ${machine()}.`,
    `${count} images of ${image.width}x${image.height} with the edge head. Images in a second: medians (largest).`,
    table(['workers', 'eval', 'networks alone', 'eval / networks'], rows),
  ],
  values.out,
)
