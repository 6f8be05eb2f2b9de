// Measures the evaluation of 1024x2048 images, stage by stage: ours next to plain ONNX Runtime with full-size logits.
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadModel, openCheckpoint } from '@inverseform/backbones'
import { fileSource, writeFileAtomically } from '@inverseform/backbones/node'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import { writeCheckpoint } from '../lib/checkpoint.mjs'
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
       [--checkpoint NAME=FILE …] [--out FILE.md]

Images and labels of other sizes are resized to ${WIDTH}x${HEIGHT} first. --all adds ocrnet48-hms, which takes minutes.
Models without a checkpoint get synthetic weights. The network takes as long, but its labels are noise.
`
const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    split: { type: 'string', default: 'val' },
    images: { type: 'string', default: '6' },
    model: { type: 'string', multiple: true },
    all: { type: 'boolean' },
    checkpoint: { type: 'string', multiple: true, default: [] },
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
  const sides = [
    { name: 'ours', ask: await startSide(script('ours.mjs'), [checkpoint]), times: [] },
    {
      name: 'plain',
      ask: await startSide(script('plain.mjs'), [exported, scales.join()]),
      times: [],
    },
  ]
  let [different, pixels] = [0, 0]
  const measured = samples.slice(0, images)
  for (const [i, sample] of [...measured.slice(0, warmUp), ...measured].entries()) {
    const labels = []
    for (const side of i % 2 ? sides.toReversed() : sides) {
      const reply = await side.ask(sample)
      if (i >= warmUp) side.times.push(reply.times)
      labels.push(reply.labels)
    }
    if (i < warmUp) continue
    pixels += labels[0].length
    for (let p = 0; p < labels[0].length; p++) if (labels[0][p] !== labels[1][p]) different++
  }
  const [a, b] = await Promise.all(sides.map(({ ask }) => ask('end')))
  const cell = (times) => `${median(times).toFixed(0)} (${Math.min(...times).toFixed(0)}) ms`
  const timeRow = (what, ours, plain) => [
    what,
    cell(ours),
    cell(plain),
    ratio(median(ours), median(plain)),
    ratio(Math.min(...ours), Math.min(...plain)),
  ]
  const weights = checkpoints.has(name) ? basename(checkpoints.get(name)) : 'synthetic weights'
  return [
    `**${name}** (${weights}), ${measured.length} images${warmUp ? ' after a warm-up' : ', no warm-up'}; ${different} of ${pixels} pixels differ`,
    table(
      ['', 'ours', 'plain ONNX Runtime', 'ours / plain', 'of minima'],
      [
        ...STAGES.map((stage) => timeRow(stage, ...sides.map(({ times }) => times.map((t) => t[stage])))),
        ['peak memory', mebibytes(a.peak), mebibytes(b.peak), ratio(a.peak, b.peak), ''],
      ],
    ),
  ].join('\n\n')
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
