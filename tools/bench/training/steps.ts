// Trains beside PyTorch from the same weights on the same batches, with SGD and AdamW, and prints the losses and the error of the
// running statistics after the first step. PyTorch in float64 is the reference. Its float32, and its float64 from weights moved by
// float32's rounding, show what rounding alone does.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { SegmentationModelName } from '@inverseform/backbones'
import { deterministicBatch } from '@inverseform/testing/training'
import { comparedTrainer } from './ours.js'
import { runJson, table } from './report.js'

interface TorchSide {
  readonly exact: readonly number[]
  readonly single: readonly number[]
  readonly moved: readonly number[]
  readonly statistics: { readonly ours: number; readonly single: number; readonly moved: number }
}

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'hrnet16-slim' },
    batch: { type: 'string', default: '1' },
    height: { type: 'string', default: '128' },
    steps: { type: 'string', default: '20' },
    sgd: { type: 'string', default: '0.01' },
    adamw: { type: 'string', default: '0.001' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
})
const [batchSize, height, steps] = [values.batch, values.height, values.steps].map(Number)
const cropSize = [height, 2 * height] as const
const model = values.model as SegmentationModelName
const folder = mkdtempSync(join(tmpdir(), 'inverseform-steps-'))
process.on('exit', () => rmSync(folder, { recursive: true }))

const sides: (TorchSide & { readonly losses: readonly number[] })[] = []
for (const optimizer of ['sgd', 'adamw'] as const) {
  const losses = await trainOurs(optimizer)
  const script = fileURLToPath(new URL('steps.py', import.meta.url))
  const sizes = [steps, batchSize, ...cropSize].map(String)
  const theirs = runJson<TorchSide>(values.python, [
    script,
    model,
    optimizer,
    values[optimizer],
    ...sizes,
    join(folder, 'ours.json'),
  ])
  sides.push({ losses, ...theirs })
}
const exponential = (value: number) => value.toExponential(1)
const names = [`SGD ${values.sgd}`, `AdamW ${values.adamw}`].flatMap((name) => [
  `${name}: loss, float64`,
  'error: ours',
  'PyTorch float32',
  'float64, weights moved',
])
const rows = Array.from({ length: steps }, (_, step) => [
  String(step + 1),
  ...sides.flatMap(({ losses, exact, single, moved }) => [
    exact[step].toFixed(5),
    ...[losses, single, moved].map((of) => exponential(Math.abs(of[step] - exact[step]))),
  ]),
])
const statistics = sides.flatMap(({ statistics: { ours, single, moved } }) => [
  '',
  ...[ours, single, moved].map(exponential),
])
process.stdout.write(
  `${model}, ${batchSize} x ${cropSize.join('x')}, joint loss with InverseForm, poly schedule\n\n` +
    `${table(['step', ...names], [...rows, ['running statistics after step 1', ...statistics]])}\n`,
)

/** Trains, writes the running statistics after the first step to the folder, and returns the losses. */
async function trainOurs(name: 'sgd' | 'adamw'): Promise<number[]> {
  await using trainer = comparedTrainer({
    model,
    batchSize,
    cropSize,
    steps,
    optimizer: { name },
    learningRate: Number(values[name]),
  })
  const losses: number[] = []
  for (let step = 0; step < steps; step++) {
    const { loss } = await trainer.step(deterministicBatch(step, batchSize, cropSize))
    losses.push(loss)
    if (step > 0) continue
    const running = [...trainer.state.tensors].filter(([name]) => name.includes('.running_'))
    const statistics = Object.fromEntries(running.map(([name, { data }]) => [name, [...data]]))
    writeFileSync(join(folder, 'ours.json'), JSON.stringify({ statistics }))
  }
  return losses
}
