export { loadOnnxRuntime, type OnnxRuntime } from './load.js'
