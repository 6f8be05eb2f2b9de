export { isOnnxThread } from './onnx-thread.js'
export type { WasmPaths, WebSessionOptions } from './options.js'
export { createTrainer, webSession } from './session.js'
