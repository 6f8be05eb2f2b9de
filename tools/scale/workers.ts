/**
 * Measures how `inverseform eval` scales on this machine: one process with all threads, one and two workers of one process, and one and
 * two workers of a queue, each with one thread. Needs the built packages.
 *
 *   node --conditions=@inverseform/source --import tsx tools/scale/workers.ts --data CITYSCAPES [--checkpoint FILE] [--images 24] [--rounds 3]
 *
 * `pnpm scenes --out FOLDER --train 0 --val 24 --size 1024x2048` draws a data set.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startRedis } from '@inverseform/testing/redis'

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    checkpoint: { type: 'string', default: 'checkpoints/hrnet16-slim-demo.pth' },
    images: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '3' },
  },
})
const { data, checkpoint, images } = values
if (data === undefined) {
  throw new Error('Pass --data with the folder of a data set in the layout of Cityscapes.')
}
const cli = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))
const evaluation = ['--data', data, '--checkpoint', checkpoint]

interface Figures {
  readonly imagesPerSecond: number
  readonly peakRssBytes: number
}

/** A command with the events that it wrote so far. */
interface Running {
  readonly child: ChildProcess
  readonly events: Record<string, unknown>[]
  /** Resolves to the event that ends the command. */
  readonly ended: Promise<Figures>
}

function start(...args: string[]): Running {
  const child = spawn(process.execPath, [cli, ...args, '--log-json'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const events: Record<string, unknown>[] = []
  createInterface({ input: child.stderr }).on('line', (line) => events.push(JSON.parse(line)))
  const ended = once(child, 'close').then(() => {
    const last = events.at(-1)
    if (typeof last?.imagesPerSecond === 'number') return last as unknown as Figures
    throw new Error(`inverseform ${args.join(' ')} ended with ${JSON.stringify(last)}`)
  })
  return { child, events, ended }
}

const evalWith = (workers: number, threads: number): Promise<Figures> =>
  start('eval', ...evaluation, '--limit', images, '--workers', `${workers}`, '--threads', `${threads}`).ended

/** Evaluates on workers of a queue that are open: the time does not contain their start. */
async function queueWith(workers: number): Promise<Figures> {
  await using redis = await startRedis()
  const working = Array.from({ length: workers }, () =>
    start('queue', 'work', '--redis', redis.url, '--data', data as string, '--threads', '1'),
  )
  const folder = await mkdtemp(join(tmpdir(), 'inverseform-workers-'))
  const collect = (name: string, limit: string) =>
    start('queue', 'eval', '--redis', redis.url, ...evaluation, '--limit', limit, '--out', join(folder, name))
      .ended
  // A first run opens the workers.
  await collect('first', `${4 * workers}`)
  const { imagesPerSecond } = await collect('measured', images)
  await rm(folder, { recursive: true })
  for (const { child } of working) child.kill('SIGTERM')
  const peaks = await Promise.all(working.map(({ ended }) => ended.then(({ peakRssBytes }) => peakRssBytes)))
  return { imagesPerSecond, peakRssBytes: peaks.reduce((a, b) => a + b) }
}

const threads = availableParallelism()
const ways: Readonly<Record<string, () => Promise<Figures>>> = {
  [`eval, 1 worker of ${threads} threads`]: () => evalWith(1, threads),
  'eval, 1 worker of 1 thread': () => evalWith(1, 1),
  'eval, 2 workers of 1 thread': () => evalWith(2, 1),
  'queue, 1 worker of 1 thread': () => queueWith(1),
  'queue, 2 workers of 1 thread': () => queueWith(2),
}
const found = new Map<string, Figures[]>(Object.keys(ways).map((name) => [name, []]))
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [name, measure] of Object.entries(ways)) found.get(name)?.push(await measure())
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]
const rates = (figures: readonly Figures[]) => figures.map(({ imagesPerSecond }) => imagesPerSecond)
const [first] = [...found.values()].map((figures) => median(rates(figures)))
console.log(`${images} images, ${checkpoint}, ${values.rounds} rounds\n`)
console.log('| | images/s, median (best) | beside the first | memory |\n|---|---:|---:|---:|')
for (const [name, figures] of found) {
  const rate = median(rates(figures))
  const memory = Math.max(...figures.map(({ peakRssBytes }) => peakRssBytes)) / 2 ** 30
  console.log(
    `| ${name} | ${rate.toFixed(2)} (${Math.max(...rates(figures)).toFixed(2)}) | ${(rate / first).toFixed(2)} | ${memory.toFixed(2)} GiB |`,
  )
}
