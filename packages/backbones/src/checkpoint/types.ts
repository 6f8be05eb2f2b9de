import type { MetadataValue } from './metadata-value.js'

export type { MetadataValue }

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

/** Element types that are listed but whose values cannot be read, by their PyTorch names. */
export type OtherDType =
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'complex32'
  | 'complex64'
  | 'complex128'
  | 'float8_e4m3fn'
  | 'float8_e5m2'
  | 'qint8'
  | 'quint8'
  | 'qint32'
  | (string & {})

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
  readonly dtype: DType | OtherDType
  readonly shape: readonly number[]
  /** Bytes of the contiguous values, which may differ from their bytes in the file. */
  readonly byteLength: number
  /** Why `read()` throws, such as "its element type complex64 is not supported". Undefined if it can be read. */
  readonly unreadable?: string
  /** Reads the values of this tensor only. Every call reads again. */
  read(): Promise<TensorData>
}

export type CheckpointFormat = 'pth-zip' | 'pth-legacy' | 'safetensors'

/** What a format's reader finds in a file. */
export interface CheckpointContents {
  readonly format: CheckpointFormat
  /** Tensors by name, in the order of the file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>
  readonly metadata: Readonly<Record<string, MetadataValue>>
}

export interface VerifyOptions {
  readonly signal?: AbortSignal
}

/** What `verify` has read. */
export interface VerifySummary {
  /** Entries of a zip archive, or tensors of another format. */
  readonly parts: number
  /** Their bytes. */
  readonly bytes: number
  /** Parts whose stored checksum was compared. Only zip archives have checksums. */
  readonly checksums: number
}

export interface Checkpoint extends CheckpointContents {
  /**
   * Reads the whole file and compares the checksums that it has.
   *
   * @throws InverseFormError `invalid-checkpoint` that names the damaged part
   */
  verify(options?: VerifyOptions): Promise<VerifySummary>
}
