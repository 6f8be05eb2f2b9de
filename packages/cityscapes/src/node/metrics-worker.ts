/** Evaluates pairs in a thread of its own, and gathers their metrics until it is asked for them. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorMessage, toMessage } from '@inverseform/errors'
import { type EvaluationPlan, evaluatePair, type PairToEvaluate } from './evaluate-pair.js'
import { createMetrics, statesOf } from './metric-set.js'

/** A pair to add, or without one: give what was gathered. */
export interface ThreadRequest {
  readonly id: number
  readonly pair?: PairToEvaluate
}

/** Done; with the states of the metrics where they were asked for. */
export type ThreadReply =
  | { readonly id: number; readonly states?: unknown }
  | { readonly id: number; readonly error: ErrorMessage }

const port = parentPort as NonNullable<typeof parentPort>
const plan = workerData as EvaluationPlan
const metrics = createMetrics(plan.metrics)

port.on('message', async (request: ThreadRequest) => port.postMessage(await reply(request)))

async function reply({ id, pair }: ThreadRequest): Promise<ThreadReply> {
  try {
    if (pair === undefined) return { id, states: statesOf(metrics) }
    await evaluatePair(pair, plan, metrics)
    return { id }
  } catch (error) {
    return { id, error: toMessage(error) }
  }
}
