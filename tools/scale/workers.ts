/**
 * Measures how `inverseform eval` scales on this machine: one process with all threads, one and two workers of one process, and one and
 * two workers of a queue, each with one thread. Needs the built packages.
 *
 *   node --conditions=@inverseform/source --import tsx tools/scale/workers.ts --data CITYSCAPES [--checkpoint FILE] [--images 24] [--rounds 3]
 *
 * `pnpm scenes --out FOLDER --train 0 --val 24 --size 1024x2048` draws a data set.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startRedis } from '@inverseform/testing/redis'
import { median } from './median.js'

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
const evaluation = ['--data', data, '--checkpoint', checkpoint, '--limit', images]

interface Figures {
  readonly imagesPerSecond: number
  readonly peakRssBytes: number
}

interface LogEvent {
  readonly event: string
  readonly time: string
  readonly peakRssBytes?: number
}

/** Starts a command. Resolves to its events when it has ended. */
function start(...args: string[]): Promise<LogEvent[]> {
  const child = spawn(process.execPath, [cli, ...args, '--log-json'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const events: LogEvent[] = []
  createInterface({ input: child.stderr }).on('line', (line) => events.push(JSON.parse(line)))
  return once(child, 'close').then(() => events)
}

/** Returns the figures of processes that evaluated together: the rate from the first open network to the last image. */
function figuresOf(processes: readonly (readonly LogEvent[])[]): Figures {
  const timesOf = (name: string) =>
    processes
      .flatMap((events) => events.filter(({ event }) => event === name))
      .map(({ time }) => Date.parse(time) / 1000)
  const done = timesOf('image-done')
  if (done.length !== Number(images)) throw new Error(`${done.length} of ${images} images were done.`)
  return {
    imagesPerSecond: done.length / (Math.max(...done) - Math.min(...timesOf('run-start'))),
    peakRssBytes: processes.reduce((sum, events) => sum + (events.at(-1)?.peakRssBytes ?? 0), 0),
  }
}

async function evalWith(workers: number, threads: number): Promise<Figures> {
  return figuresOf([await start('eval', ...evaluation, '--workers', `${workers}`, '--threads', `${threads}`)])
}

/** One network: by default, a worker of a queue runs as many as there are cores. */
const oneThread = ['--workers', '1', '--threads', '1']

/** Evaluates on workers of a queue, in processes of their own. The memory is theirs. */
async function queueWith(workers: number): Promise<Figures> {
  await using redis = await startRedis()
  const queue = ['--redis', redis.url]
  await start('queue', 'eval', ...queue, ...evaluation, '--detach')
  const working = Array.from({ length: workers }, () =>
    start('queue', 'work', ...queue, '--data', data as string, ...oneThread, '--until-empty'),
  )
  return figuresOf(await Promise.all(working))
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
