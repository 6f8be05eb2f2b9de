export { writeFileAtomically } from './io/file-sink.js'
export { type FileSource, fileSource } from './io/file-source.js'
