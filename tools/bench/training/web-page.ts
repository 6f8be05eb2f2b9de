/** The page of web.ts: starts the worker, and measures how regularly its own timer and frames come meanwhile. */

export interface Settings {
  readonly steps: number
  readonly batchSize: number
  readonly cropSize: readonly [height: number, width: number]
  readonly threads: number
  /** Number of scenes, which are at /scene/0, /scene/1, … */
  readonly scenes: number
}

/** Times are in milliseconds. */
export interface StepReport {
  readonly step: number
  readonly loss: number
  readonly terms: Readonly<Record<string, number>>
  readonly gradientNorm: number
  readonly milliseconds: number
  /** Size of WebAssembly's memory, which never shrinks. */
  readonly wasmBytes: number
}

/** How long it took to make the graph of a step and to compile it. */
export interface CompileReport {
  readonly graph: number
  readonly session: number
}

export interface Pulse {
  readonly count: number
  readonly longestGap: number
}

export interface Report {
  readonly steps: readonly StepReport[]
  readonly compile: CompileReport
  readonly timer: Pulse
  readonly frames: Pulse
}

function measure(settings: Settings): Promise<Report> {
  const worker = new Worker('/web-worker.js', { type: 'module' })
  const steps: StepReport[] = []
  const timer = pulse((beat) => setInterval(beat, 10))
  const frames = pulse((beat) => {
    const next = () => {
      beat()
      requestAnimationFrame(next)
    }
    requestAnimationFrame(next)
  })
  return new Promise((resolve, reject) => {
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.onmessage = ({ data }: MessageEvent<StepReport | CompileReport>) => {
      if ('step' in data) steps.push(data)
      else resolve({ steps, compile: data, timer: timer(), frames: frames() })
    }
    worker.postMessage(settings)
  })
}

function pulse(start: (beat: () => void) => void): () => Pulse {
  let [count, longestGap, last] = [0, 0, performance.now()]
  start(() => {
    const now = performance.now()
    longestGap = Math.max(longestGap, now - last)
    last = now
    count++
  })
  return () => ({ count, longestGap })
}

declare global {
  var trainingBench: { readonly measure: typeof measure }
}
globalThis.trainingBench = { measure }
