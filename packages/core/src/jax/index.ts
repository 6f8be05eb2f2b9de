export { consuming } from './consuming.js'
export { jaxOps } from './ops.js'
