export { writeFileAtomically } from './io/file-sink.js'
export { type FileSource, fileSource } from './io/file-source.js'
export { makeFolder } from './io/make-folder.js'
