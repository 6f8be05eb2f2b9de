// Measures the joint loss and its gradients on typed arrays, next to PyTorch on the CPU: first without the InverseForm term, then
// with it. The regressor is a full-size InverseNet with synthetic weights.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeRawInverseNet } from '../lib/checkpoint.mjs'
import { machine } from '../lib/machine.mjs'
import { mebibytes, median, ratio, report, seconds, table } from '../lib/report.mjs'
import { runJson } from '../lib/run-program.mjs'

const { values } = parseArgs({
  options: {
    height: { type: 'string', default: ['512'], multiple: true },
    repeats: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
  },
})
const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'inverseform-losses-'))
process.on('exit', () => rmSync(folder, { recursive: true }))
const weights = join(folder, 'inverse-net.f32')
writeRawInverseNet(weights)

let torch
const rows = []
for (const height of values.height.map(Number)) {
  const size = [height, 2 * height, values.repeats].map(String)
  for (const more of [[], [weights]]) {
    const ours = runJson(process.execPath, ['--expose-gc', script('ours.mjs'), ...size, ...more])
    const [one, two] = ['1', '2'].map((threads) =>
      runJson(values.python, [script('torch_side.py'), ...size, threads, ...more]),
    )
    torch = one.torch
    const sides = { 'typed arrays, 1 thread': ours, 'PyTorch, 1 thread': one, 'PyTorch, 2 threads': two }
    for (const [name, { times, cpu, peak, loss, gradient }] of Object.entries(sides)) {
      const time = median(times)
      rows.push([
        `${height}x${2 * height}${more.length ? ' with InverseForm' : ''}: ${name}`,
        seconds(time),
        ratio(median(ours.times), time),
        seconds(median(cpu)),
        ratio(median(ours.cpu), median(cpu)),
        mebibytes(peak),
        loss.toFixed(5),
        ...gradient.map((sum) => sum.toPrecision(5)),
      ])
    }
  }
}
report(
  [
    `Machine: ${machine([`PyTorch ${torch}`])}.`,
    `Joint loss with gradients, one image of 19 classes, medians of ${values.repeats} runs after a warm-up.`,
    table(
      [
        'side',
        'time',
        'our time / it',
        'CPU time',
        'ours / it',
        'peak memory',
        'loss',
        'sum of absolute gradients: logits',
        'edge',
      ],
      rows,
    ),
  ],
  values.out,
)
