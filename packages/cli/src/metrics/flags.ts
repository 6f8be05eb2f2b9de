import type { OnError } from '../on-error.js'
import type { RunFlags } from '../state/output-folder.js'
import type { SelectionFlags } from './selection.js'

/** The flags of `metrics`. */
export interface MetricsFlags extends SelectionFlags, RunFlags {
  readonly onError: OnError
  readonly gt?: string
  readonly pred?: string
  readonly split: string
  readonly coarse?: boolean
  readonly maxPixels?: number
  readonly gtSuffix?: string
  readonly predSuffix?: string
  readonly classNames?: string
  readonly mapIds?: string
  readonly workers?: number
  readonly officialJson?: string | true
  readonly worst?: number
  readonly json?: boolean
  readonly matrix?: boolean
  readonly saveState?: string
  readonly merge?: string[]
}
