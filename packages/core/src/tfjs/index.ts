export { type TfjsOps, tfjsOps } from './ops.js'
