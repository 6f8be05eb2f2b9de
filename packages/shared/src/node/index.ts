export { whileWriting, writeFileAtomically, writeWholeFile } from './atomic-file.js'
export { inverseFormCache, userCacheFolder } from './cache-folder.js'
export { makeFolder } from './folders.js'
export { type Lock, type LockHolder, type LockOptions, withLock } from './lock.js'
export { defaultMaxPixels } from './max-pixels.js'
export { encodePng } from './png.js'
export { hasEnded, ownProcess, type ProcessId } from './process-id.js'
export {
  checkPath,
  fileError,
  openRegularFile,
  type RegularFile,
  type RegularFileOptions,
  readRegularFile,
} from './regular-file.js'
export { sha256Of } from './sha256.js'
export { systemReason } from './system-reason.js'
export { sweepTemporary, temporaryFileName, temporaryFolderName } from './temporary-names.js'
