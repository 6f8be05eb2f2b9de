// Times whole training steps beside eager PyTorch, in turn, and prints both, their ratio and the peak memory of each process.
// The step: forward, cross-entropy and edge BCE at the image's size, backward, SGD. With --loss joint, ours alone is timed with it.
import { type ChildProcess, spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { SegmentationModelName } from '@inverseform/backbones'
import { crossEntropyLoss, edgeBceLoss } from '@inverseform/core'
import { deterministicBatch, deterministicWeight } from '@inverseform/testing/training'
import { Trainer, type TrainingLoss } from '@inverseform/training'
import { nodeSession } from '@inverseform/training/node'
import { median, table } from './report.js'

interface Report {
  /** Milliseconds of each step. */
  readonly times: readonly number[]
  /** Peak resident memory so far in MiB. */
  readonly peak: number
}

const crossEntropyAndEdges: TrainingLoss = (ops, { logits, edgeLogits, target, edgeTarget }) => {
  const crossEntropy = crossEntropyLoss(ops, { logits, target })
  const edgeBce = edgeBceLoss(ops, { edgeLogits: edgeLogits as typeof logits, edgeTarget })
  return { total: ops.add(crossEntropy, ops.multiply(edgeBce, 0.3)), crossEntropy, edgeBce }
}

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: 'hrnet16-slim:1x512x1024,hrnet16-slim:2x512x1024,hrnet18:1x256x512' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '2' },
    python: { type: 'string', default: '/usr/bin/python3' },
    /** Makes this process one side of a comparison: model and size. */
    side: { type: 'string' },
  },
})

if (values.side) await runSide(values.side)
else await compare()

/** Trains as often as standard input says, and prints a report each time. */
async function runSide(side: string): Promise<void> {
  const [model, size] = side.split(':')
  const [batchSize, ...cropSize] = size.split('x').map(Number) as [number, number, number]
  await using trainer = new Trainer(
    {
      ...{ model: model as SegmentationModelName, batchSize, cropSize, steps: 10_000, learningRate: 1e-3 },
      ...{ loss: crossEntropyAndEdges, auxiliaryHeads: false },
    },
    (graph) => nodeSession(graph, { threads: 2 }),
  )
  for (const [name, { data, shape }] of trainer.state.tensors) data.set(deterministicWeight(name, shape))
  const batch = deterministicBatch(0, batchSize, cropSize)
  for await (const line of createInterface({ input: process.stdin })) {
    const times: number[] = []
    for (let i = 0; i < Number(line); i++) {
      const started = performance.now()
      await trainer.step(batch)
      times.push(performance.now() - started)
    }
    const peak = process.resourceUsage().maxRSS / 1024
    process.stdout.write(`${JSON.stringify({ times, peak } satisfies Report)}\n`)
  }
}

async function compare(): Promise<void> {
  const rounds = Number(values.rounds)
  const rows: string[][] = []
  for (const name of values.cases.split(',')) {
    const [model, size] = name.split(':')
    const script = fileURLToPath(new URL('speed.py', import.meta.url))
    const self = fileURLToPath(import.meta.url)
    const sides = [
      start(process.execPath, [...process.execArgv, self, '--side', name]),
      start(values.python, [script, model, ...size.split('x')]),
    ]
    // The first steps allocate and compile.
    for (const side of sides) await side.run(2)
    const times: number[][] = [[], []]
    const ratios: number[] = []
    let peaks: number[] = []
    for (let round = 0; round < rounds; round++) {
      const reports: Report[] = []
      for (const side of sides) reports.push(await side.run(Number(values.steps)))
      reports.forEach((report, i) => {
        times[i].push(...report.times)
      })
      ratios.push(Math.min(...reports[1].times) / Math.min(...reports[0].times))
      peaks = reports.map(({ peak }) => peak)
    }
    for (const side of sides) side.stop()
    const [ours, theirs] = times
    const ratio = [Math.min(...theirs) / Math.min(...ours), median(theirs) / median(ours), median(ratios)]
    rows.push([
      `${model} ${size}`,
      ...[ours, theirs].map((of) => `${Math.min(...of).toFixed(0)} / ${median(of).toFixed(0)}`),
      ratio.map((value) => value.toFixed(2)).join(' / '),
      peaks.map((peak) => peak.toFixed(0)).join(' / '),
    ])
  }
  const head = [
    'step',
    'ours, ms',
    'PyTorch, ms',
    'ratio: minimum / median / of rounds',
    'peak MiB: ours / PyTorch',
  ]
  process.stdout.write(
    `${cpus()[0].model}, minimum / median over ${rounds} rounds in turn\n\n${table(head, rows)}\n`,
  )
}

function start(program: string, args: readonly string[]) {
  const child: ChildProcess = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  if (!child.stdout || !child.stdin) throw new Error('The process has no pipes.')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const { stdin } = child
  return {
    async run(steps: number): Promise<Report> {
      stdin.write(`${steps}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`${program} ended.`)
      return JSON.parse(value)
    },
    stop: () => stdin.end(),
  }
}
