/**
 * How much a checkpoint may ask for. Real checkpoints stay far below; a small hostile file could otherwise
 * take all memory or time.
 */
export interface CheckpointLimits {
  /** Bytes of a pickle, a safetensors header or a zip directory: stops headers as large as the file. */
  readonly maxHeaderBytes: number
  /** Instructions of one pickle: stops a run of one-byte instructions that each make an object. */
  readonly maxPickleOps: number
  /** Dicts of one pickle: stops a run of one-byte instructions that each take some 200 bytes. */
  readonly maxDicts: number
  /** Objects a pickle remembers: stops a memo that outgrows the pickle. */
  readonly maxMemo: number
  /** Containers within one another: stops recursion without end, as in a list that holds itself. */
  readonly maxDepth: number
  /** Bytes of one string or bytes object: stops a length field that claims gigabytes. */
  readonly maxStringBytes: number
  /** Bytes of one integer: stops conversions whose time grows with the square of the length. */
  readonly maxIntegerBytes: number
  /** Characters the metadata would take as JSON, about: stops lists of lists that share their elements. */
  readonly maxMetadataSize: number
  /** Tensors: stops many views of one storage. */
  readonly maxTensors: number
  /** Dimensions of a tensor: stops shapes of a million ones. */
  readonly maxDimensions: number
  /** Elements of one tensor: stops sizes whose products are no longer exact. */
  readonly maxElements: number
  /**
   * Bytes of all tensors, and of inflated zip entries, as a multiple of the file's size: stops shared
   * storages, stride-0 expansions and deflate bombs by which a small file claims gigabytes.
   */
  readonly maxExpansion: number
  /** Entries of a zip archive: stops directories of a million empty files. */
  readonly maxZipEntries: number
}

export const defaultLimits: CheckpointLimits = {
  maxHeaderBytes: 64 * 2 ** 20,
  maxPickleOps: 1_000_000,
  maxDicts: 100_000,
  maxMemo: 500_000,
  maxDepth: 100,
  maxStringBytes: 4 * 2 ** 20,
  maxIntegerBytes: 1024,
  maxMetadataSize: 4 * 2 ** 20,
  maxTensors: 50_000,
  maxDimensions: 32,
  maxElements: 2 ** 33,
  maxExpansion: 16,
  maxZipEntries: 100_000,
}
