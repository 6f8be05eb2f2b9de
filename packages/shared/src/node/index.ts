export { writeFileAtomically, writeWholeFile } from './atomic-file.js'
export { makeFolder } from './folders.js'
