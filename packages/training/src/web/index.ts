export { isOnnxThread } from './onnx-thread.js'
export type { WasmPaths, WebSessionOptions } from './options.js'
export { webSession } from './session.js'
