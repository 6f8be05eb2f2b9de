export { graphOps } from './graph-ops.js'
export { Tape } from './tape.js'
