import { EventEmitter } from 'node:events'
import type { Worker } from 'node:worker_threads'
import { expect, it, vi } from 'vitest'
import { MetricsThread } from '../../src/node/metrics-thread.js'

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
  ['ERR_MODULE_NOT_FOUND', "Cannot find package 'x'", 'runtime-unavailable', '0 workers'],
])('a thread that dies of %s says so, and which pair it had', async (code, why, expected, hint) => {
  const thread = new MetricsThread({
    metrics: { confusion: {} },
    truthIds: 'labelIds',
    predictionIds: 'labelIds',
    reduceZeroLabel: false,
  })
  const run = thread.evaluate({ name: 'ulm', truth: 't.png', prediction: 'p.png' })
  const cause = Object.assign(new Error(why), { code })
  started.at(-1)!.emit('error', cause)
  await expect(run).rejects.toMatchObject({
    code: expected,
    message: `A thread that evaluated pairs ended before it was done with ulm: ${why}.`,
    hint: expect.stringContaining(hint),
    details: { name: 'ulm', truth: 't.png', prediction: 'p.png' },
    cause,
  })
})
