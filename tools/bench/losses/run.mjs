// Measures the joint loss and its gradients on typed arrays, next to PyTorch on the CPU: first without the InverseForm term, then
// with it. The sides take turns. The regressor is a full-size InverseNet with synthetic weights.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeRawInverseNet } from '../lib/checkpoint.mjs'
import { startAnswering } from '../lib/line-protocol.mjs'
import { machine } from '../lib/machine.mjs'
import { mebibytes, median, ratio, report, seconds, table } from '../lib/report.mjs'
import { temporaryFolder } from '../lib/temporary-folder.mjs'

const { values } = parseArgs({
  options: {
    height: { type: 'string', default: ['512'], multiple: true },
    repeats: { type: 'string', default: '7' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
  },
})
const script = (name) => fileURLToPath(new URL(name, import.meta.url))
const folder = temporaryFolder()
const weights = join(folder, 'inverse-net.f32')
writeRawInverseNet(weights)

let torch
const rows = []
for (const height of values.height.map(Number)) {
  const size = [height, 2 * height].map(String)
  for (const more of [[], [weights]]) {
    const start = (threads) =>
      startAnswering(values.python, [script('torch_side.py'), ...size, threads, ...more], {
        ...process.env,
        // PyTorch's own setting leaves matrix products several threads.
        OMP_NUM_THREADS: threads,
        MKL_NUM_THREADS: threads,
      })
    const ours = [...process.execArgv, '--expose-gc', script('ours.mjs'), ...size, ...more]
    const sides = {
      'typed arrays, 1 thread': await startAnswering(process.execPath, ours),
      'PyTorch, 1 thread': await start('1'),
      'PyTorch, 2 threads': await start('2'),
    }
    torch = sides['PyTorch, 1 thread'].hello.torch
    const answers = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
    for (let i = -1; i < Number(values.repeats); i++) {
      for (const [name, side] of Object.entries(sides)) {
        const answer = await side.ask('')
        if (i >= 0) answers[name].push(answer)
      }
    }
    for (const side of Object.values(sides)) side.end()
    const of = (name, key) => answers[name].map((answer) => answer[key])
    const both = (name, key) => `${seconds(Math.min(...of(name, key)))}, ${seconds(median(of(name, key)))}`
    const relative = (name, key) => {
      const [mine, its] = [of('typed arrays, 1 thread', key), of(name, key)]
      return `${ratio(Math.min(...mine), Math.min(...its))}, ${ratio(median(mine), median(its))}`
    }
    for (const name of Object.keys(sides)) {
      const { peak, loss, gradient } = answers[name].at(-1)
      rows.push([
        `${height}x${2 * height}${more.length ? ' with InverseForm' : ''}: ${name}`,
        both(name, 'time'),
        relative(name, 'time'),
        both(name, 'cpu'),
        relative(name, 'cpu'),
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
    `Joint loss with gradients, one image of 19 classes, minima and medians of ${values.repeats} runs after a warm-up.`,
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
