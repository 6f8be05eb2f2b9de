/** Supported element types by their PyTorch names. */
export type DType = keyof DTypeArrays

/** The array of each element type. float16 and bfloat16 are raw bits, bool is 0 or 1. */
export interface DTypeArrays {
  float64: Float64Array
  float32: Float32Array
  float16: Uint16Array
  bfloat16: Uint16Array
  int64: BigInt64Array
  int32: Int32Array
  int16: Int16Array
  int8: Int8Array
  uint8: Uint8Array
  bool: Uint8Array
}

/** A tensor's values in C order. */
export interface TensorData {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** One value per element. May be a view of the checkpoint's bytes: do not write to it. */
  readonly data: DTypeArrays[DType]
}

/** A tensor of a checkpoint whose values are not read yet. */
export interface CheckpointTensor {
  /** As stored, with any prefix such as `module.`. */
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Bytes of the contiguous values, which may differ from their bytes in the file. */
  readonly byteLength: number
  /** Reads the values of this tensor only. Every call reads again. */
  read(): Promise<TensorData>
}

/**
 * The data of a checkpoint besides its tensors, safe to convert to JSON. Integers beyond 2^53 and numbers that JSON lacks
 * (`NaN`, `Infinity`) are strings. Tensors are `{ dtype, shape }`. Objects have no prototype.
 */
export type MetadataValue =
  | string
  | number
  | boolean
  | null
  | readonly MetadataValue[]
  | { readonly [key: string]: MetadataValue }

export type CheckpointFormat = 'pth-zip' | 'pth-legacy' | 'safetensors'

export interface Checkpoint {
  readonly format: CheckpointFormat
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>
  readonly metadata: Readonly<Record<string, MetadataValue>>
}
