import type { WeightPrecision } from '@inverseform/runtime-node'
import type { OnError } from '../on-error.js'
import type { SegmenterFlags } from '../options/model.js'
import type { RunFlags } from '../state/output-folder.js'
import type { Shard } from '../state/run-plan.js'
import type { DataFlags } from './data-flags.js'

/** The flags of `eval`. */
export interface EvalFlags extends SegmenterFlags, DataFlags, RunFlags {
  readonly limit?: number
  readonly out?: string
  readonly output_dir?: string
  readonly pictures: number
  readonly savePredictions?: boolean
  readonly compareEdgeHead?: boolean
  readonly loss?: boolean
  readonly shard?: Shard
  readonly onError: OnError
  readonly inversenet?: string
  readonly inversenetPrecision: WeightPrecision
  readonly json?: boolean
}
