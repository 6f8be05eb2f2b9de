import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished, vi } from 'vitest'
import { MetricsThread } from '../../src/node/evaluate/metrics-thread.js'

it.each([
  ['ERR_WORKER_OUT_OF_MEMORY', 'Worker terminated', 'out-of-memory', 'fewer workers'],
  ['ERR_MODULE_NOT_FOUND', "Cannot find package 'x'", 'runtime-unavailable', 'workers: 0'],
])('reports a thread that ends with %s, and its pair', async (code, why, expected, hint) => {
  // The thread gets no work, so that it ends as the test says.
  const started: Worker[] = []
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker) {
    started.push(this)
  })
  const thread = new MetricsThread({
    metrics: { confusion: {} },
    targetIds: 'labelIds',
    predictionIds: 'labelIds',
    reduceZeroLabel: false,
    maxPixels: 2 ** 26,
  })
  onTestFinished(async () => {
    vi.restoreAllMocks()
    await thread.end()
  })
  const run = thread.evaluate({ name: 'ulm', target: 't.png', prediction: 'p.png' })
  const cause = Object.assign(new Error(why), { code })
  started[0].emit('error', cause)
  await expect(run).rejects.toMatchObject({
    code: expected,
    message: `A thread that evaluated pairs ended before it finished ulm: ${why}.`,
    hint: expect.stringContaining(hint),
    details: { name: 'ulm', target: 't.png', prediction: 'p.png' },
    cause,
  })
})
