// Compares the estimated memory of a step with what a process takes in three steps, at several sizes.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { SegmentationModelName } from '@inverseform/backbones'
import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { deterministicBatch, deterministicWeight } from '@inverseform/testing/training'
import { type LossName, Trainer } from '@inverseform/training'
import { nodeSession } from '@inverseform/training/node'
import { table } from './report.js'

interface Report {
  readonly estimated: number
  readonly taken: number
}

const { values } = parseArgs({
  options: {
    cases: {
      type: 'string',
      default:
        'hrnet16-slim:1x512x1024:joint,hrnet16-slim:1x512x1024:cross-entropy,hrnet16-slim:2x512x1024:joint,hrnet16-slim:1x1024x2048:joint,hrnet18:1x256x512:joint,hrnet18:1x512x1024:joint,ocrnet48:1x128x256:joint',
    },
    side: { type: 'string' },
  },
})
if (values.side) await runSide(values.side)
else compare()

async function runSide(side: string): Promise<void> {
  const [model, size, loss] = side.split(':')
  const [batchSize, ...cropSize] = size.split('x').map(Number) as [number, number, number]
  const { weights, options } = smallInverseNet(cropSize)
  const trainer = new Trainer(
    {
      ...{ model: model as SegmentationModelName, loss: loss as LossName, batchSize, cropSize, steps: 3 },
      ...{ regressor: weights, lossOptions: { inverseForm: options }, learningRate: 1e-4 },
    },
    nodeSession,
  )
  for (const [name, { data, shape }] of trainer.state.tensors) data.set(deterministicWeight(name, shape))
  const before = process.memoryUsage().rss
  const estimated = trainer.estimateMemory()
  const batch = deterministicBatch(0, batchSize, cropSize)
  for (let step = 0; step < 3; step++) await trainer.step(batch)
  const taken = process.resourceUsage().maxRSS * 1024 - before
  process.stdout.write(`${JSON.stringify({ estimated, taken } satisfies Report)}\n`)
  await trainer.close()
}

function compare(): void {
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0)
  const rows = values.cases.split(',').map((name) => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), '--side', name]
    const { stdout, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    if (status !== 0) throw new Error(`${name}: exit code ${status}`)
    const { estimated, taken }: Report = JSON.parse(stdout)
    const error = (100 * (estimated / taken - 1)).toFixed(0)
    return [name.replaceAll(':', ' '), mebibytes(estimated), mebibytes(taken), `${error} %`]
  })
  process.stdout.write(`${table(['step', 'estimated, MiB', 'taken, MiB', 'error'], rows)}\n`)
}
