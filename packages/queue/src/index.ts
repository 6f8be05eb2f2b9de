export { type CollectOptions, collect, retry, submit } from './collect.js'
export { addressOf, type Connection, type ConnectOptions, connect } from './connection.js'
export { type ImageOutcome, type MetricsServer, type MetricsServerOptions, serveMetrics } from './metrics.js'
export type { Processor, Run, RunEvents, WorkEvent } from './processor.js'
export { type ImageResult, resultsOf } from './results.js'
export {
  expireRun,
  hasRun,
  imagesByJob,
  keepRun,
  listRuns,
  publishRun,
  type RunDescription,
  type RunState,
  type RunSummary,
  readRun,
  removeRun,
  setState,
} from './runs.js'
export { type WorkOptions, work } from './work.js'
export { listWorkers, type WorkerSummary } from './workers.js'
