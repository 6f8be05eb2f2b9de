import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { expect, it, vi } from 'vitest'
import { MetricsThread } from '../../src/node/evaluate/metrics-thread.js'

const started = vi.hoisted(() => [] as Worker[])
vi.mock('node:worker_threads', () => ({
  Worker: class extends EventEmitter {
    constructor() {
      super()
      started.push(this as unknown as Worker)
    }
    postMessage() {}
  },
}))

it.each([
  ['ERR_WORKER_OUT_OF_MEMORY', 'Worker terminated', 'out-of-memory', 'fewer workers'],
  ['ERR_MODULE_NOT_FOUND', "Cannot find package 'x'", 'runtime-unavailable', 'workers: 0'],
])('reports a thread that ends with %s, and its pair', async (code, why, expected, hint) => {
  const thread = new MetricsThread({
    metrics: { confusion: {} },
    targetIds: 'labelIds',
    predictionIds: 'labelIds',
    reduceZeroLabel: false,
    maxPixels: 2 ** 26,
  })
  const run = thread.evaluate({ name: 'ulm', target: 't.png', prediction: 'p.png' })
  const cause = Object.assign(new Error(why), { code })
  started.at(-1)!.emit('error', cause)
  await expect(run).rejects.toMatchObject({
    code: expected,
    message: `A thread that evaluated pairs ended before it finished ulm: ${why}.`,
    hint: expect.stringContaining(hint),
    details: { name: 'ulm', target: 't.png', prediction: 'p.png' },
    cause,
  })
})
