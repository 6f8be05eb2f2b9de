/** The plain side of run.ts: the exported network with full-size logits, normalized and read by the obvious loops. */
import type { RgbImage } from '@inverseform/runtime-web'
import * as ort from 'onnxruntime-web/wasm'

const [MEAN, DEVIATION] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
]

ort.env.wasm.wasmPaths = '/'
ort.env.wasm.numThreads = navigator.hardwareConcurrency
const session = ort.InferenceSession.create('/model.onnx')

self.onmessage = async ({ data }: MessageEvent<'start' | RgbImage>) => {
  const loaded = await session
  if (data === 'start') return postMessage(undefined)
  const { data: pixels, width, height } = data
  const plane = width * height
  const input = new Float32Array(3 * plane)
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) input[c * plane + i] = (pixels[3 * i + c] / 255 - MEAN[c]) / DEVIATION[c]
  }
  const image = new ort.Tensor('float32', input, [1, 3, height, width])
  const { logits } = await loaded.run({ image })
  const scores = logits.data as Float32Array
  const labels = new Uint8Array(plane)
  const largest = scores.slice(0, plane)
  for (let k = 1; k * plane < scores.length; k++) {
    for (let i = 0; i < plane; i++) {
      if (scores[k * plane + i] <= largest[i]) continue
      largest[i] = scores[k * plane + i]
      labels[i] = k
    }
  }
  postMessage(labels, { transfer: [labels.buffer] })
}
