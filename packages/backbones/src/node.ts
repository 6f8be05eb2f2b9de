export { writeFileAtomically } from '@inverseform/shared/node'
export { type FileSource, fileSource } from './io/file-source.js'
