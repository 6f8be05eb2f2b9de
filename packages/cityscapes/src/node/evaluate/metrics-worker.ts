/** Evaluates pairs in a worker thread and sends what it has counted on request. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorMessage, toMessage } from '@inverseform/errors'
import type { EvaluationPlan, PairToEvaluate } from './evaluate-pair.js'
import { metricsToJSON } from './metric-set.js'
import { PairCounter, type PairSeconds } from './pair-counter.js'

/** A pair to evaluate, with its number; without a pair, a request for what was counted since the last one. */
export interface ThreadRequest {
  readonly id: number
  readonly pair?: { readonly number: number; readonly files: PairToEvaluate }
}

/** The answer to a request: how long a pair took, or what was counted. */
export type ThreadReply =
  | {
      readonly id: number
      readonly seconds?: PairSeconds
      readonly counted?: { readonly pairs: readonly number[]; readonly states: unknown }
    }
  | { readonly id: number; readonly error: ErrorMessage }

const port = parentPort as NonNullable<typeof parentPort>
const counter = new PairCounter(workerData as EvaluationPlan)

port.on('message', async (request: ThreadRequest) => port.postMessage(await reply(request)))

async function reply({ id, pair }: ThreadRequest): Promise<ThreadReply> {
  try {
    if (pair === undefined) {
      const { pairs, metrics } = counter.take()
      return { id, counted: { pairs, states: metricsToJSON(metrics) } }
    }
    return { id, seconds: await counter.evaluate(pair.files, pair.number) }
  } catch (error) {
    return { id, error: toMessage(error) }
  }
}
