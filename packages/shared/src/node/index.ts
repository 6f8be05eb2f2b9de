export { whileWriting, writeFileAtomically, writeWholeFile } from './atomic-file.js'
export { inverseFormCache, userCacheFolder } from './cache-folder.js'
export { makeFolder } from './folders.js'
export { defaultMaxPixels } from './max-pixels.js'
export {
  checkPath,
  fileError,
  openRegularFile,
  type RegularFile,
  type RegularFileOptions,
  readRegularFile,
} from './regular-file.js'
export { systemReason } from './system-reason.js'
