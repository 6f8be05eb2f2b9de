/** The worker of web.ts: trains on drawn scenes, and reports each step. */
import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { createTrainingData, Trainer, type TrainingSample } from '@inverseform/training'
import { isOnnxThread, webSession } from '@inverseform/training/web'
import type { Settings } from './web-page.js'

let wasm: WebAssembly.Memory | undefined
/** Catches the memory of ONNX Runtime, which does not say how much it has. */
WebAssembly.Memory = class extends WebAssembly.Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    super(descriptor)
    wasm = this
  }
}

async function train({ steps, batchSize, cropSize, threads, scenes }: Settings): Promise<void> {
  const [height, width] = cropSize
  const samples = Array.from(
    { length: scenes },
    (_, i): TrainingSample => ({
      name: `scene ${i}`,
      async load() {
        const bytes = new Uint8Array(await (await fetch(`/scene/${i}`)).arrayBuffer())
        const image = { data: bytes.subarray(0, 3 * height * width), width, height }
        return { image, target: bytes.subarray(3 * height * width) }
      },
    }),
  )
  const data = await createTrainingData({
    ...{ samples, batchSize, cropSize, numClasses: 19, seed: 1 },
    ...({ augmentation: false, classUniform: false } as const),
  })
  const { weights, options } = smallInverseNet(cropSize)
  const compile = { graph: performance.now(), session: 0, end: 0 }
  const trainer = new Trainer(
    {
      ...({ model: 'hrnet16-slim', loss: 'joint', steps, batchSize, cropSize, clip: 10 } as const),
      ...{ lossOptions: { inverseForm: options }, regressor: weights },
    },
    async (graph) => {
      compile.session = performance.now()
      const session = await webSession(graph, { threads })
      compile.end = performance.now()
      return session
    },
  )
  while (trainer.stepsDone < steps) {
    const batch = await data.batch(trainer.stepsDone)
    const start = performance.now()
    const { step, loss, terms, gradientNorm } = await trainer.step(batch)
    const milliseconds = performance.now() - Math.max(start, compile.end)
    postMessage({ step, loss, terms, gradientNorm, milliseconds, wasmBytes: wasm?.buffer.byteLength ?? 0 })
  }
  await trainer.close()
  postMessage({ graph: compile.session - compile.graph, session: compile.end - compile.session })
}

if (!isOnnxThread()) addEventListener('message', ({ data }: MessageEvent<Settings>) => train(data))
