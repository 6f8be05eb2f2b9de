/** Evaluates pairs in a worker thread and sends the metrics on request. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorMessage, toMessage } from '@inverseform/errors'
import { type EvaluationPlan, evaluatePair, type PairToEvaluate } from './evaluate-pair.js'
import { createMetrics, metricsToJSON } from './metric-set.js'

/** A pair to evaluate; without a pair, a request for the metrics. */
export interface ThreadRequest {
  readonly id: number
  readonly pair?: PairToEvaluate
}

/** The answer to a request; has states if the metrics were requested. */
export type ThreadReply =
  | { readonly id: number; readonly states?: unknown }
  | { readonly id: number; readonly error: ErrorMessage }

const port = parentPort as NonNullable<typeof parentPort>
const plan = workerData as EvaluationPlan
const metrics = createMetrics(plan.metrics)

port.on('message', async (request: ThreadRequest) => port.postMessage(await reply(request)))

async function reply({ id, pair }: ThreadRequest): Promise<ThreadReply> {
  try {
    if (pair === undefined) return { id, states: metricsToJSON(metrics) }
    await evaluatePair(pair, plan, metrics)
    return { id }
  } catch (error) {
    return { id, error: toMessage(error) }
  }
}
