// Compares the gradients of whole networks with PyTorch's autograd in float64: the joint loss with the InverseForm term and
// auxiliary heads, on the same weights and batch. Also prints PyTorch's own error in float32, and how far float64's gradients move
// when the weights move by float32's rounding.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type SegmentationModelName, zoo } from '@inverseform/backbones'
import { deterministicBatch } from '@inverseform/testing/training'
import type { StepTensor } from '@inverseform/training'
import { collectingRelus, comparedTrainer } from './ours.js'
import { runJson, table } from './report.js'

/** Relative L2 against float64. */
interface Comparison {
  readonly all: number
  /** Without the tensors whose true gradient is 0. */
  readonly withoutZero: number
  readonly median: number
  /** Norms of the tensors whose true gradient is 0, as a share of the network's. */
  readonly zero: Readonly<Record<string, number>>
  readonly worst: readonly { readonly name: string; readonly relative: number; readonly share: number }[]
}

interface Side {
  readonly plain: Comparison
  /** Against float64 on the same sides of all ReLUs. */
  readonly sameSides: Comparison & {
    readonly moved: number
    readonly values: number
    readonly furthest: number
  }
}

interface TorchSide {
  readonly torch: string
  readonly parameters: number
  readonly losses: Readonly<Record<string, number>>
  readonly ours: Side
  readonly single: Side
  /** Float64 with weights moved by float32's rounding. */
  readonly moved: Side
}

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true, default: Object.keys(zoo) },
    batch: { type: 'string', default: '1' },
    height: { type: 'string', default: '128' },
    python: { type: 'string', default: '/usr/bin/python3' },
  },
})
const [batchSize, height] = [values.batch, values.height].map(Number)
const cropSize = [height, 2 * height] as const
const folder = mkdtempSync(join(tmpdir(), 'inverseform-gradients-'))
process.on('exit', () => rmSync(folder, { recursive: true }))

const exponential = (value: number) => value.toExponential(1)
const summary: string[][] = []
const tensors: string[][] = []
for (const model of values.model as SegmentationModelName[]) {
  const losses = await writeGradients(model)
  const script = fileURLToPath(new URL('gradients.py', import.meta.url))
  const sizes = [batchSize, ...cropSize].map(String)
  const theirs = runJson<TorchSide>(values.python, [script, model, ...sizes, join(folder, 'gradients.json')])
  const lossError = Math.max(
    ...Object.entries(losses).map(([name, value]) => Math.abs(value / theirs.losses[name] - 1)),
  )
  const sides = {
    ours: theirs.ours,
    'PyTorch float32': theirs.single,
    'PyTorch float64, weights moved': theirs.moved,
  }
  for (const [name, { plain, sameSides }] of Object.entries(sides)) {
    summary.push([
      `${model}: ${name}`,
      name === 'ours' ? exponential(lossError) : '',
      ...[plain.all, plain.withoutZero, plain.median].map(exponential),
      `${sameSides.moved} of ${(sameSides.values / 1e6).toFixed(1)} M, to ${exponential(sameSides.furthest)}`,
      ...[sameSides.all, sameSides.withoutZero, sameSides.median, sameSides.worst[0].relative].map(
        exponential,
      ),
    ])
    for (const { name: tensor, relative, share } of sameSides.worst) {
      tensors.push([`${model}: ${name}`, tensor, exponential(relative), exponential(share)])
    }
    const zero = Object.values(plain.zero)
    const norm = Math.sqrt(zero.reduce((sum, share) => sum + share ** 2, 0))
    tensors.push([
      `${model}: ${name}`,
      `${zero.length} biases before normalizations, true gradient 0`,
      '',
      exponential(norm),
    ])
  }
}
process.stdout.write(
  `Gradients of ${batchSize} x ${cropSize.join('x')}, relative L2 against PyTorch's autograd in float64\n\n` +
    `${table(
      [
        'network: side',
        'loss terms',
        'network',
        'without zero gradients',
        'median tensor',
        'values on the other side of a ReLU',
        'same sides: network',
        'without zero gradients',
        'median tensor',
        'worst tensor',
      ],
      summary,
    )}\n\nThe worst tensors on the same sides of all ReLUs\n\n` +
    `${table(['network: side', 'tensor', 'relative L2', "share of the network's norm"], tensors)}\n`,
)

/** Computes the gradients of a model, writes them to the folder and returns the loss and its terms. */
async function writeGradients(model: SegmentationModelName): Promise<Record<string, number>> {
  const relus: StepTensor[] = []
  const options = { model, batchSize, cropSize, steps: 1, learningRate: 0 }
  await using trainer = comparedTrainer(options, collectingRelus(relus))
  const { loss, terms } = await trainer.step(deterministicBatch(0, batchSize, cropSize))
  const { gradients, gradientTensors } = trainer.state
  const index = {
    tensors: [...gradientTensors].map(([name, { shape }]) => [name, shape]),
    relus: relus.map(({ shape }) => shape),
  }
  writeFileSync(join(folder, 'gradients.json'), JSON.stringify(index))
  writeFileSync(join(folder, 'gradients.f32'), gradients)
  const masks = relus.map(({ data }) => Uint8Array.from(data, (value) => Number(value > 0)))
  writeFileSync(join(folder, 'gradients.relus'), Buffer.concat(masks))
  return { loss, ...terms }
}
