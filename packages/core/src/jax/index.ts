export { consuming } from './consuming.js'
export { type JaxOps, jaxOps } from './ops.js'
