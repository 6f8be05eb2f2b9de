// The joint loss with its gradients, on typed arrays, beside PyTorch on the CPU. Without the InverseForm term, whose time is
// its regressor's.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { jointLoss } from '@inverseform/core'
import { arrayOps, valueAndGrad } from '@inverseform/core/array'
import { machine } from './lib/machine.mjs'
import { median, ratio, report, seconds, table } from './lib/report.mjs'
import { runJson } from './lib/run.mjs'
import { uniform } from './lib/uniform.mjs'

const { values } = parseArgs({
  options: {
    height: { type: 'string', default: '512' },
    repeats: { type: 'string', default: '5' },
    python: { type: 'string', default: '/usr/bin/python3' },
    out: { type: 'string' },
  },
})
const [height, repeats] = [Number(values.height), Number(values.repeats)]
const width = 2 * height
const pixels = height * width

const image = (name, channels) => uniform(name, channels * pixels).map((u) => 4 * u - 2)
const ops = arrayOps()
const logits = ops.constant(image('seg', 19), [1, 19, height, width])
const edge = ops.constant(image('edge', 1), [1, 1, height, width])
const labels = Uint8Array.from(uniform('labels', pixels), (u) => (u >= 0.95 ? 255 : Math.floor(u * 20)))
const edges = Uint8Array.from(uniform('edges', pixels), (u) => (u > 0.9 ? 1 : 0))

const differentiated = valueAndGrad((logits, edge) =>
  jointLoss(ops, { logits, edge, labels, edges }, { weights: { inverseForm: 0 } }),
)
const ours = { times: [] }
for (let i = 0; i <= repeats; i++) {
  const start = performance.now()
  const { value, gradients } = differentiated(logits, edge)
  if (i > 0) ours.times.push(performance.now() - start)
  ours.loss = value
  ours.gradient = gradients.map(({ data }) => data.reduce((sum, g) => sum + Math.abs(g), 0))
}

const script = fileURLToPath(new URL('losses_torch.py', import.meta.url))
const torch = (threads) => runJson(values.python, [script, height, width, repeats, threads].map(String))
const [one, two] = [torch(1), torch(2)]
const row = (name, side) => {
  const time = median(side.times)
  const [a, b] = side.gradient
  return [
    name,
    seconds(time),
    ratio(median(ours.times), time),
    side.loss.toFixed(5),
    a.toFixed(4),
    b.toFixed(4),
  ]
}
report(
  [
    `Machine: ${machine([`PyTorch ${one.torch}`])}.`,
    `Joint loss with gradients at 1x19x${height}x${width}, medians of ${repeats} after a warm-up.`,
    table(
      ['side', 'time', 'our time / it', 'loss', 'sum of absolute gradients: logits', 'edge'],
      [row('typed arrays, 1 thread', ours), row('PyTorch, 1 thread', one), row('PyTorch, 2 threads', two)],
    ),
  ],
  values.out,
)
