// Times whole steps of hrnet16-slim with the joint loss: without the InverseForm term, with the small InverseNet, and with one of the
// published size. The three take turns.
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { initializeInverseNet, inverseNetSizes } from '@inverseform/core/training'
import { deterministicBatch, deterministicWeight } from '@inverseform/testing/training'
import { Trainer, type TrainerOptions } from '@inverseform/training'
import { nodeSession } from '@inverseform/training/node'
import { median, table } from './report.js'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '8' }, crop: { type: 'string', default: '512x1024' } },
})
const [height, width] = values.crop.split('x').map(Number)
const cropSize = [height, width] as const
const small = smallInverseNet(cropSize)
const losses: Record<string, Pick<TrainerOptions, 'loss' | 'regressor' | 'lossOptions'>> = {
  'without InverseForm': { loss: 'joint-without-inverseform' },
  'small InverseNet': {
    loss: 'joint',
    regressor: small.weights,
    lossOptions: { inverseForm: small.options },
  },
  'published size': { loss: 'joint', regressor: initializeInverseNet(Math.random, inverseNetSizes) },
}
const batch = deterministicBatch(0, 1, cropSize)
const sides = Object.entries(losses).map(([name, options]) => {
  const trainer = new Trainer(
    {
      ...options,
      ...{ model: 'hrnet16-slim', batchSize: 1, cropSize, steps: 1000, auxiliaryHeads: false },
      learningRate: 1e-6,
    },
    (graph) => nodeSession(graph, { threads: 2 }),
  )
  for (const [name, { data, shape }] of trainer.state.tensors) data.set(deterministicWeight(name, shape))
  return { name, trainer, times: [] as number[] }
})
// The first steps allocate and compile.
for (let round = -2; round < Number(values.rounds); round++) {
  for (const { trainer, times } of sides) {
    const started = performance.now()
    await trainer.step(batch)
    if (round >= 0) times.push(performance.now() - started)
  }
}
const summary = sides.map(({ name, times }) => ({
  name,
  minimum: Math.min(...times),
  middle: median(times),
}))
const share = (value: number, without: number) => `${(100 * (1 - without / value)).toFixed(0)} %`
const rows = summary.map(({ name, minimum, middle }) => [
  name,
  `${minimum.toFixed(0)} / ${middle.toFixed(0)}`,
  `${share(minimum, summary[0].minimum)} / ${share(middle, summary[0].middle)}`,
])
const head = ['joint loss', 'step, ms', "share of InverseForm's term"]
process.stdout.write(
  `${cpus()[0].model}: hrnet16-slim, 1x${values.crop}, no auxiliary heads; minimum / median over ${values.rounds} rounds in turn\n\n${table(head, rows)}\n`,
)
for (const { trainer } of sides) await trainer.close()
