/** Evaluates pairs in a thread of its own; it keeps nothing between them. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ErrorMessage, toMessage } from '@inverseform/errors'
import { type EvaluationPlan, evaluatePair, type PairToEvaluate } from './evaluate-pair.js'

export interface PairRequest {
  readonly id: number
  readonly pair: PairToEvaluate
}

/** The states of a pair's metrics, or what went wrong. */
export type PairReply =
  | { readonly id: number; readonly states: unknown }
  | { readonly id: number; readonly error: ErrorMessage }

const port = parentPort as NonNullable<typeof parentPort>

port.on('message', async ({ id, pair }: PairRequest) => port.postMessage(await reply(id, pair)))

async function reply(id: number, pair: PairToEvaluate): Promise<PairReply> {
  try {
    const metrics = Object.entries(await evaluatePair(pair, workerData as EvaluationPlan))
    return { id, states: Object.fromEntries(metrics.map(([name, metric]) => [name, metric.toJSON()])) }
  } catch (error) {
    return { id, error: toMessage(error) }
  }
}
