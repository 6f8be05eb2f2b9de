export { writeFileAtomically } from '@inverseform/shared/node'
export { type DownloadBytesOptions, downloadBytes } from './download/bytes.js'
export {
  type CachedCheckpoint,
  type CheckpointCacheOptions,
  clearCachedCheckpoints,
  listCachedCheckpoints,
} from './download/cache.js'
export type { TransferOptions } from './download/download.js'
export { type LocalCheckpointOptions, localCheckpoint } from './download/local-checkpoint.js'
export { type FileSource, fileSource } from './io/file-source.js'
