import type { EvalFlags } from '../evaluation/flags.js'
import type { SegmenterFlags } from '../options/model.js'

interface RedisFlags {
  readonly redis?: string
}

/** The flags of `queue eval`. */
export interface QueueEvalFlags
  extends RedisFlags,
    Omit<EvalFlags, 'pictures' | 'savePredictions' | 'shard' | 'output_dir'> {
  readonly imageList?: string
  readonly detach?: boolean
}

/** The flags of `queue work`. */
export interface QueueWorkFlags
  extends RedisFlags,
    Pick<
      SegmenterFlags,
      'device' | 'deviceId' | 'selfCheck' | 'threads' | 'workers' | 'modelCache' | 'maxPixels'
    > {
  readonly data?: string
  readonly checkpoint?: string
  readonly inversenet?: string
  readonly untilEmpty?: boolean
  /** Seconds. */
  readonly lease: number
  /** Seconds. */
  readonly grace: number
  readonly metricsPort?: number
  readonly metricsHost: string
}

/** The flags of `queue status`. */
export interface QueueStatusFlags extends RedisFlags {
  readonly json?: boolean
}
