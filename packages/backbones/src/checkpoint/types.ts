/** Element types of the tensors that can be read, by PyTorch's names. */
export type DType = keyof DTypeArrays

/** The array that holds each element type. float16 and bfloat16 are raw bits, bool is 0 or 1. */
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

/** A tensor's values: C order, as many as the product of `shape`. */
export interface TensorData {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** May be a view of the checkpoint's own bytes: do not write to it. */
  readonly data: DTypeArrays[DType]
}

/** A tensor of a checkpoint: known, not yet read. */
export interface CheckpointTensor {
  /** As stored, with any prefix such as `module.`. */
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** Bytes that the packed values take, whatever they take in the file. */
  readonly byteLength: number
  /** Reads this tensor's bytes, and no others. Every call reads again. */
  read(): Promise<TensorData>
}

/**
 * What a checkpoint says beside its tensors, safe to turn into JSON. Integers beyond 2^53 and numbers that
 * JSON lacks (`NaN`, `Infinity`) are strings; a tensor is shown as `{dtype, shape}`; objects have no prototype.
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
  /** By name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>
  readonly metadata: Readonly<Record<string, MetadataValue>>
}
