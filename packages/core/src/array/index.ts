export { type Gradients, grad, type ValueAndGradients, valueAndGrad } from './grad.js'
export { type ArrayOps, type ArrayOpsOptions, arrayOps } from './ops.js'
export type { ArrayData, ArrayTensor } from './tensor.js'
