/** The page of the test, which starts the worker and must stay responsive. */
import { type ErrorMessage, fromMessage } from '@inverseform/errors'
import type { StepResult } from '../../../src/index.js'
import type { WebSessionOptions } from '../../../src/web/index.js'

type Reply = { result: StepResult } | { done: true } | { error: ErrorMessage }

/** Trains in a worker. Returns the results of the steps, and how often a timer of the page ticked during each. */
function train(options: WebSessionOptions): Promise<{ results: StepResult[]; ticks: number[] }> {
  const worker = new Worker('/worker.js', { type: 'module' })
  const results: StepResult[] = []
  const ticks: number[] = []
  let ticked = 0
  const timer = setInterval(() => ticked++, 1)
  return new Promise<{ results: StepResult[]; ticks: number[] }>((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.onmessage = ({ data: reply }: MessageEvent<Reply>) => {
      if ('error' in reply) reject(fromMessage(reply.error))
      else if ('done' in reply) resolve({ results, ticks })
      else {
        results.push(reply.result)
        ticks.push(ticked)
        ticked = 0
      }
    }
    worker.postMessage(options)
  }).finally(() => {
    worker.terminate()
    clearInterval(timer)
  })
}

const exposed = { train }

declare global {
  var training: typeof exposed
}
globalThis.training = exposed
