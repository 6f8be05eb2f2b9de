import type { SegmentationModelName } from '@inverseform/backbones'

/** Devices that networks can run on. */
export type Device = 'cpu'

export interface SegmenterOptions {
  /** The checkpoint: the path or `file:` URL of a `.pth` or `.safetensors` file, or its bytes. */
  readonly checkpoint: string | URL | Uint8Array
  /** The checkpoint's model; found out from its tensors when not given. */
  readonly model?: SegmentationModelName
  /** Whether to load the edge head, which `edges` needs. */
  readonly edge?: boolean
  /** Number of classes; the checkpoint's when not given. */
  readonly classes?: number
  /** `cpu`; `auto` takes the best there is. */
  readonly device?: Device | 'auto'
  /** Threads for the network; 0, the default, takes all cores. */
  readonly threads?: number
  /** Bytes that the network's activations may take before images are cut into tiles; 60 % of the free memory unless given. */
  readonly memoryBudget?: number
  /** Aborts loading; `createSegmenter` rejects with its reason at once. */
  readonly signal?: AbortSignal
}
