// The joint loss with its gradients, on typed arrays, beside PyTorch on the CPU: without the InverseForm term, and with it, its
// regressor a full-size InverseNet with made-up weights.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeInverseNet } from './lib/inverse-net.mjs'
import { machine } from './lib/machine.mjs'
import { mebibytes, median, ratio, report, seconds, table } from './lib/report.mjs'
import { runJson } from './lib/run.mjs'

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
writeInverseNet(weights)

let torch
const rows = []
for (const height of values.height.map(Number)) {
  const size = [height, 2 * height, values.repeats].map(String)
  for (const more of [[], [weights]]) {
    const ours = runJson(process.execPath, ['--expose-gc', script('losses-ours.mjs'), ...size, ...more])
    const [one, two] = ['1', '2'].map((threads) =>
      runJson(values.python, [script('losses_torch.py'), ...size, threads, ...more]),
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
    `Joint loss with gradients, one image of 19 classes, medians of ${values.repeats} after a warm-up.`,
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
