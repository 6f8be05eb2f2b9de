export { tfjsOps } from './ops.js'
