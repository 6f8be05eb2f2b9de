/**
 * Measures the queue alone, on a server of its own, with the network replaced by nothing or by a delay:
 *
 *   node --conditions=@inverseform/source --import tsx tools/scale/queue.ts [--delay 500] [--images 24]
 *
 * First the time that an image takes from the queue and back when nothing is computed. Then workers, each with connections of its own
 * as on a machine of its own, eight to a process: their efficiency is the time in delays, over the time of all workers until the
 * last result was collected.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Connection, collect, connect, removeRun, work } from '@inverseform/queue'
import { startRedis } from '@inverseform/testing/redis'
import { median } from './median.js'

const { values } = parseArgs({
  options: {
    delay: { type: 'string' },
    images: { type: 'string' },
    url: { type: 'string' },
    workers: { type: 'string' },
  },
})
const delay = Number(values.delay ?? 500)
/** Images of each worker. */
const each = Number(values.images ?? 24)
const program = 'measured'
/** About as many bytes as the result of an image with 19 classes. */
const payload = { counts: Array.from({ length: 19 * 19 }, (_, i) => i * 4321) }

/** Works as on another machine, until the process is ended. */
async function beWorker(url: string): Promise<void> {
  await using connection = await connect(url)
  await work(connection, {
    program,
    open: async ({ description }) => ({
      concurrency: 1,
      device: 'delay',
      async process() {
        const { milliseconds } = description.work as { milliseconds: number }
        if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds))
        return payload
      },
      async [Symbol.asyncDispose]() {},
    }),
    signal: new AbortController().signal,
    interval: 100,
  })
}

/** Collects a run of images, and returns when each result was taken. */
async function timesOf(connection: Connection, images: number, milliseconds: number): Promise<number[]> {
  const id = `measured-${images}-${milliseconds}-${Date.now()}`
  const done = new Map<string, number>()
  await collect(connection, {
    id,
    description: {
      program,
      title: 'measured',
      images: Array.from({ length: images }, (_, i) => `city/image-${i}`),
      work: { milliseconds },
    },
    isDone: (image) => done.has(image),
    async onResult({ image }) {
      done.set(image, performance.now())
      return undefined
    },
    async onGivenUp(image, reason) {
      throw new Error(`${image}: ${reason}`)
    },
  })
  const ids = await connection.redis.zrange(`inverseform:queue:${id}:completed`, '0', '-1')
  const jobs = await Promise.all(
    ids.map((job) => connection.redis.hmget(`inverseform:queue:${id}:${job}`, 'processedOn', 'finishedOn')),
  )
  const finished = jobs.map(([, at]) => Number(at)).sort((a, b) => a - b)
  await removeRun(connection, id)
  return finished
}

if (values.url !== undefined) {
  for (let i = 0; i < Number(values.workers); i++) void beWorker(values.url)
  process.send?.('ready')
} else {
  await using server = await startRedis()
  await using connection = await connect(server.url)
  let children: ChildProcess[] = []
  const startWorkers = async (count: number) => {
    for (let left = count; left > 0; left -= 8) {
      const args = ['--url', server.url, '--workers', `${Math.min(8, left)}`]
      const child = fork(fileURLToPath(import.meta.url), args, {
        execArgv: ['--conditions=@inverseform/source', '--import', 'tsx'],
      })
      children.push(child)
    }
    await Promise.all(children.map((child) => once(child, 'message')))
  }
  const endWorkers = async () => {
    for (const child of children) child.kill('SIGKILL')
    await Promise.all(children.map((child) => child.exitCode === null && once(child, 'exit')))
    children = []
  }
  try {
    await startWorkers(1)
    const gaps: number[] = []
    for (let i = 0; i < 5; i++) {
      const finished = await timesOf(connection, 500, 0)
      // The first images wait for the worker to see the run.
      gaps.push((finished.at(-1)! - finished[0]) / (finished.length - 1))
    }
    console.log(
      `overhead an image, one worker, one at a time: min ${Math.min(...gaps).toFixed(2)} ms, median ${median(gaps).toFixed(2)} ms`,
    )
    await endWorkers()
    for (const workers of [1, 2, 4, 8, 16, 32, 64]) {
      await startWorkers(workers)
      // All workers have found the run before time is taken: a run of their own waits for them.
      await timesOf(connection, workers * 2, delay)
      const images = workers * each
      const started = performance.now()
      await timesOf(connection, images, delay)
      const wall = performance.now() - started
      const efficiency = (images * delay) / (workers * wall)
      console.log(
        `${workers} workers: ${images} images of ${delay} ms in ${(wall / 1000).toFixed(2)} s, efficiency ${efficiency.toFixed(3)}`,
      )
      await endWorkers()
    }
  } finally {
    await endWorkers()
  }
}
