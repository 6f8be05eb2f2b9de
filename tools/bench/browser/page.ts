/** The page of run.ts: segments one image in turn on each side, all on WebAssembly. */
import { createSegmenter, type RgbImage } from '@inverseform/runtime-web'

export interface Settings {
  readonly width: number
  readonly height: number
  readonly rounds: number
}

/** Milliseconds from the image to its labels, by side. */
export type Times = Readonly<Record<string, readonly number[]>>

async function measure({ width, height, rounds }: Settings): Promise<{ times: Times; different: number }> {
  const image: RgbImage = { width, height, data: new Uint8Array(await (await fetch('/image')).arrayBuffer()) }
  const plain = await startPlain()
  const options = {
    checkpoint: '/checkpoint',
    device: 'wasm',
    wasmPaths: '/',
    worker: () => new Worker('/worker.js', { type: 'module' }),
  } as const
  const published = await createSegmenter({ ...options, passes: [] })
  const ours = await createSegmenter(options)
  const sides = {
    ours: async () => (await ours.segment(image)).labels,
    'ours, without passes': async () => (await published.segment(image)).labels,
    'plain ONNX Runtime': () => plain(image),
  }
  const times = Object.fromEntries(Object.keys(sides).map((name) => [name, [] as number[]]))
  let different = 0
  for (let round = -1; round < rounds; round++) {
    const labels: ArrayLike<number>[] = []
    for (const [name, side] of Object.entries(sides)) {
      const started = performance.now()
      labels.push(await side())
      // The first round warms up: engines optimize what runs for long.
      if (round >= 0) times[name].push(performance.now() - started)
    }
    const [first, , last] = labels
    for (let i = 0; i < first.length; i++) if (first[i] !== last[i]) different++
  }
  return { times, different }
}

/** Starts a worker that runs the exported network, with full-size logits, and their argmax in JavaScript. */
async function startPlain(): Promise<(image: RgbImage) => Promise<Uint8Array>> {
  const worker = new Worker('/plain-worker.js', { type: 'module' })
  const reply = () =>
    new Promise<Uint8Array>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = ({ message }) => reject(new Error(message))
    })
  const ready = reply()
  worker.postMessage('start')
  await ready
  return (image) => {
    const labels = reply()
    worker.postMessage(image)
    return labels
  }
}

declare global {
  var browserBench: { measure: typeof measure }
}
globalThis.browserBench = { measure }
