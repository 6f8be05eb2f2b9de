// Measures the evaluation of 1024x2048 images, stage by stage: ours next to plain ONNX Runtime with full-size logits, and PyTorch.
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadModel, openCheckpoint } from '@inverseform/backbones'
import { fileSource, writeFileAtomically } from '@inverseform/backbones/node'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import sharp from 'sharp'
import { writeCheckpoint } from '../lib/checkpoint.mjs'
import { startAnswering } from '../lib/line-protocol.mjs'
import { machine } from '../lib/machine.mjs'
import { mebibytes, median, ratio, report, table } from '../lib/report.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'
import { samplesOfSize } from './samples.mjs'
import { STAGES, startSide } from './side.mjs'

const [WIDTH, HEIGHT] = [2048, 1024]

/** The number of measured and warm-up images per model. The large models take 15 seconds or more per image. */
const models = {
  'hrnet16-slim': { images: 6, warmUp: 1, scales: [1] },
  hrnet18: { images: 6, warmUp: 1, scales: [1] },
  ocrnet48: { images: 2, warmUp: 0, scales: [1] },
  'ocrnet48-hms': { images: 1, warmUp: 0, scales: [2, 1, 0.5, 0.25] },
}

const usage = `usage: node tools/bench/evaluate/run.mjs --data CITYSCAPES [--split val] [--images 6] [--model NAME …] [--all]
       [--checkpoint NAME=FILE …] [--torch] [--python python3] [--out FILE.md]

Images and labels of other sizes are resized to ${WIDTH}x${HEIGHT} first. --all adds ocrnet48-hms, which takes minutes.
Models without a checkpoint get synthetic weights. The network takes as long, but its labels are noise.
--torch adds eager PyTorch, from decoded image to labels.
`
const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    split: { type: 'string', default: 'val' },
    images: { type: 'string', default: '6' },
    model: { type: 'string', multiple: true },
    all: { type: 'boolean' },
    checkpoint: { type: 'string', multiple: true, default: [] },
    torch: { type: 'boolean' },
    python: { type: 'string', default: 'python3' },
    out: { type: 'string' },
    help: { type: 'boolean' },
  },
})
const chosen = values.model ?? Object.keys(models).slice(0, values.all ? 4 : 3)
const limit = Number(values.images)
const checkpoints = new Map(values.checkpoint.map((pair) => pair.split('=')))
const known = [...chosen, ...checkpoints.keys()].every((name) => Object.hasOwn(models, name))
if (values.help || !known || !(Number.isInteger(limit) && limit > 0)) {
  process.stderr.write(usage)
  process.exit(values.help ? 0 : 2)
}

const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const temporary = temporaryFolder()

const { data, split } = values
const samples = await samplesOfSize(WIDTH, HEIGHT, { data, split, limit, folder: temporary })
const parts = []
for (const name of chosen) parts.push(await measure(name, models[name]))
const intro = `Images of ${WIDTH}x${HEIGHT}. Each side runs in its own process, and they take turns image by image. Times are medians (minima). Peak memory is VmHWM of the whole process.`
report([`Machine: ${machine()}.`, intro, ...parts], values.out)

async function measure(name, { images, warmUp, scales }) {
  const checkpoint = await checkpointOf(name)
  const exported = await plainModel(name, checkpoint)
  const starts = [
    async () => ({ name: 'ours', ask: await startSide(script('ours.mjs'), [checkpoint]) }),
    async () => ({
      name: 'plain ONNX Runtime',
      ask: await startSide(script('plain.mjs'), [exported, scales.join()]),
    }),
    ...(values.torch ? [() => torchSide(name, checkpoint)] : []),
  ]
  const measured = samples.slice(0, images)
  const tasks = [...measured.slice(0, warmUp), ...measured]
  // The largest networks do not fit in memory side by side.
  const sides = images === 1 ? await oneByOne(starts, tasks) : await inTurn(starts, tasks)
  const different = sides.map(() => 0)
  let pixels = 0
  for (let i = warmUp; i < tasks.length; i++) {
    const [ours, ...others] = sides.map(({ replies }) => replies[i].labels)
    pixels += ours.length
    for (const [k, labels] of others.entries()) different[k + 1] += countDifferent(ours, labels)
  }
  const timesOf = ({ replies }) => replies.slice(warmUp).map(({ times }) => times)
  const peaks = sides.map(({ peak }) => peak)
  const rows = STAGES.map((stage) => {
    const columns = sides.map((side) =>
      timesOf(side)
        .map((times) => times[stage])
        .filter((time) => time !== undefined),
    )
    return [stage, ...columns.map(timeCell), ...ratiosTo(columns, median), ...ratiosTo(columns, smallest)]
  })
  const others = sides.slice(1)
  const weights = checkpoints.has(name) ? basename(checkpoints.get(name)) : 'synthetic weights'
  const differences = others.map((side, i) => `${different[i + 1]} from ${side.name}`).join(', ')
  return [
    `**${name}** (${weights}), ${measured.length} images${warmUp ? ' after a warm-up' : ', no warm-up'}; of ${pixels} labels differ ${differences}`,
    table(
      [
        '',
        ...sides.map((side) => side.name),
        ...others.map((side) => `ours / ${side.name}`),
        ...others.map(() => 'of minima'),
      ],
      [
        ...rows,
        [
          'peak memory',
          ...peaks.map((peak) => mebibytes(peak)),
          ...others.map((_, i) => ratio(peaks[0], peaks[i + 1])),
          ...others.map(() => ''),
        ],
      ],
    ),
  ].join('\n\n')
}

/** Starts all sides, and runs them in turn, image by image. */
async function inTurn(starts, tasks) {
  const sides = []
  for (const start of starts) sides.push({ ...(await start()), replies: [] })
  for (const [i, task] of tasks.entries()) {
    for (const side of i % 2 ? sides.toReversed() : sides) side.replies.push(await side.ask(task))
  }
  return Promise.all(sides.map(async (side) => ({ ...side, ...(await side.ask('end')) })))
}

/** Runs one side after the other. */
async function oneByOne(starts, tasks) {
  const sides = []
  for (const start of starts) sides.push(...(await inTurn([start], tasks)))
  return sides
}

function smallest(times) {
  return Math.min(...times)
}

function timeCell(times) {
  return times.length === 0 ? '' : `${median(times).toFixed(0)} (${smallest(times).toFixed(0)}) ms`
}

function ratiosTo([ours, ...others], of) {
  return others.map((times) => (times.length === 0 ? '' : ratio(of(ours), of(times))))
}

function countDifferent(a, b) {
  let count = 0
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++
  return count
}

/** Starts eager PyTorch on the same checkpoint. It reads raw pixels and measures image to labels alone. */
async function torchSide(name, checkpoint) {
  const { hello, ask } = await startAnswering(values.python, [script('torch_side.py'), name, checkpoint])
  const image = join(temporary, 'image.rgb')
  const labels = join(temporary, 'labels')
  return {
    name: hello.version,
    async ask(sample) {
      if (sample === 'end') return ask(JSON.stringify(sample))
      await writeFile(image, await sharp(sample.image).removeAlpha().raw().toBuffer())
      const { times } = await ask(JSON.stringify({ image, labels, width: WIDTH, height: HEIGHT }))
      return { times, labels: await readFile(labels) }
    },
  }
}

async function checkpointOf(name) {
  if (checkpoints.has(name)) return checkpoints.get(name)
  const path = join(temporary, `${name}.safetensors`)
  await writeCheckpoint(name, path)
  return path
}

/** Writes the network as a plain exporter does: without our passes, with the logits resized to the image in the graph. */
async function plainModel(model, checkpoint) {
  const path = join(temporary, `${model}.onnx`)
  const source = await fileSource(checkpoint)
  const { graph } = loadModel(await openCheckpoint(source), { model, outputSize: 'image', passes: [] })
  await writeFileAtomically(path, (sink) => encodeOnnx(graph).write(sink))
  await source.close()
  return path
}
