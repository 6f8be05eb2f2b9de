/**
 * Limits on what a checkpoint may use. Real checkpoints stay far below them. Without them, a small hostile file could
 * use up all memory or time.
 */
export interface CheckpointLimits {
  /** Bytes of a pickle, a safetensors header or a zip directory. Stops headers as large as the file. */
  readonly maxHeaderBytes: number
  /** Bytes of a safetensors header. Stops headers that take seconds and gigabytes to parse. */
  readonly maxSafetensorsHeaderBytes: number
  /** Instructions of one pickle. Stops runs of one-byte instructions that create an object each. */
  readonly maxPickleOps: number
  /** Dicts of one pickle. Stops runs of one-byte instructions that allocate about 200 bytes each. */
  readonly maxDicts: number
  /** Objects in the memo of one pickle. Stops a memo that outgrows the pickle. */
  readonly maxMemo: number
  /** Depth of nested containers. Stops endless recursion, as in a list that contains itself. */
  readonly maxDepth: number
  /** Bytes of one string or bytes object. Stops length fields that claim gigabytes. */
  readonly maxStringBytes: number
  /** Bytes of one integer. Stops conversions whose time grows with the square of the length. */
  readonly maxIntegerBytes: number
  /** Approximate characters of the metadata as JSON. Stops lists of lists that share their elements. */
  readonly maxMetadataSize: number
  /** Number of tensors. Stops many views of one storage. */
  readonly maxTensors: number
  /** Dimensions of a tensor. Stops shapes of a million ones. */
  readonly maxDimensions: number
  /** Elements of one tensor. Stops sizes whose products are not exact. */
  readonly maxElements: number
  /**
   * Bytes of all tensors, and of inflated zip entries, as a multiple of the file's size. Stops shared storages, stride-0
   * expansions and deflate bombs with which a small file claims gigabytes.
   */
  readonly maxExpansion: number
  /** Items that all calls of a pickle may touch: pairs of a dict, elements of a list. Stops calls on remembered lists. */
  readonly maxWorkItems: number
  /** Bytes that all calls of a pickle may touch. Stops calls on one remembered string. */
  readonly maxWorkBytes: number
  /**
   * Bytes of zip entries that are inflated again, because too many are in use; four times the file's size if that is
   * more. Stops tensors that take turns.
   */
  readonly maxReinflatedBytes: number
  /** Entries of a zip archive. Stops directories of a million empty files. */
  readonly maxZipEntries: number
}

export const defaultLimits: CheckpointLimits = {
  maxHeaderBytes: 64 * 2 ** 20,
  // 50,000 tensors (`maxTensors`) with names of 100 characters take 8 MB; the largest real files have some thousand.
  maxSafetensorsHeaderBytes: 8 * 2 ** 20,
  maxPickleOps: 1_000_000,
  maxDicts: 100_000,
  maxMemo: 500_000,
  maxDepth: 100,
  maxStringBytes: 32 * 2 ** 20,
  maxIntegerBytes: 1024,
  maxMetadataSize: 4 * 2 ** 20,
  maxTensors: 50_000,
  maxDimensions: 32,
  maxElements: 2 ** 33,
  maxExpansion: 16,
  maxWorkItems: 2_000_000,
  maxWorkBytes: 64 * 2 ** 20,
  maxReinflatedBytes: 256 * 2 ** 20,
  maxZipEntries: 100_000,
}
