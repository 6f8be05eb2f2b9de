// Measures images per second of each model on each device and precision of runtime-node, next to the same network in eager
// PyTorch on the same machine. Both sides start from an RGB image in main memory and return labels in main memory.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { zoo } from '@inverseform/backbones'
import { writeCheckpoint } from '../lib/checkpoint.mjs'
import { machine } from '../lib/machine.mjs'
import { median, report, table } from '../lib/report.mjs'
import { runJson } from '../lib/run-program.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'
import { uniform } from '../lib/uniform.mjs'

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true, default: Object.keys(zoo) },
    // A device (cpu, webgpu, cuda, …) and a precision
    device: { type: 'string', multiple: true, default: ['webgpu/float32', 'webgpu/float16'] },
    torch: { type: 'string', multiple: true, default: ['cuda/float32', 'cuda/float16'] },
    width: { type: 'string', default: '2048' },
    height: { type: 'string', default: '1024' },
    repeats: { type: 'string', default: '10' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
  },
})
const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const temporary = temporaryFolder()

const [width, height] = [Number(values.width), Number(values.height)]
const image = join(temporary, 'image.rgb')
writeFileSync(image, syntheticImage(width, height))

const rows = []
const versions = new Set()
for (const model of values.model) {
  const checkpoint = join(temporary, `${model}.safetensors`)
  await writeCheckpoint(model, checkpoint)
  const sides = [
    ...values.torch.map((where) => ['PyTorch', where, values.python, [script('torch_side.py'), model]]),
    ...values.device.map((where) => ['ours', where, process.execPath, [script('ours.mjs')]]),
  ]
  let reference
  for (const [name, where, program, args] of sides) {
    const labels = join(temporary, 'labels')
    const [device, precision] = where.split('/')
    const side = runJson(program, [
      ...args,
      ...[checkpoint, image, labels, device, precision, width, height, values.repeats].map(String),
    ])
    versions.add(side.version)
    const found = readFileSync(labels)
    reference ??= found
    const same = found.reduce((sum, label, i) => sum + (label === reference[i] ? 1 : 0), 0) / found.length
    const time = median(side.times)
    rows.push([
      model,
      `${name}, ${where}`,
      `${side.load.toFixed(0)} ms`,
      `${side.first.toFixed(0)} ms`,
      `${time.toFixed(1)} ms`,
      (1000 / time).toFixed(2),
      `${(100 * same).toFixed(3)} %`,
    ])
  }
  rmSync(checkpoint)
}
report(
  [
    `Machine: ${machine([...versions].filter(Boolean))}.`,
    `${width}x${height}, image to labels in main memory. Medians of ${values.repeats} runs after two warm-up runs. Each side runs in its own process.`,
    table(
      ['model', 'side', 'load', 'first image', 'per image', 'images/s', 'labels equal to the first side'],
      rows,
    ),
  ],
  values.out,
)

/** Returns smooth colors with noise: neighboring pixels are similar, as in a photograph. */
function syntheticImage(width, height) {
  const noise = uniform('image', width * height * 3)
  return Uint8Array.from(noise, (u, i) => {
    const [pixel, c] = [Math.floor(i / 3), i % 3]
    const [x, y] = [pixel % width, Math.floor(pixel / width)]
    return 128 + 80 * Math.sin(x / (40 + 11 * c)) * Math.cos(y / (31 + 7 * c)) + 40 * (u - 0.5)
  })
}
