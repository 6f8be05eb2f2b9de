import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

export { isolation, serve } from './server.js'

/** Where systems install Chromium. The variable `CHROMIUM_PATH` names another place. */
const candidates = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/** Path of the installed Chromium; undefined without one. */
export const chromiumPath = candidates.find((path) => path && existsSync(path))
if (!chromiumPath) {
  console.warn('Chromium was not found: tests that need a browser are skipped. Set CHROMIUM_PATH.')
}

/** Flags for SwiftShader, a slow but complete Vulkan driver on the CPU. Canvases need it for the whole browser. */
const softwareGpu = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
  // Leaves out the code that sets shared memory to zero before a kernel runs: it took two thirds of the GPU's time.
  '--enable-dawn-features=disable_workgroup_init',
]

/**
 * Makes V8 optimize only WebAssembly functions that run for long. By default it optimizes ten thousands of functions of ONNX Runtime
 * in each page, which takes longer than what the tests compute.
 */
const wasmTiering = '--wasm-tiering-budget=100000000'

/** Starts Chromium, optionally with WebGPU on a software GPU, and with more flags for it and its JavaScript engine. */
export function launch({
  webgpu = false,
  args = [],
  engineFlags = [],
  optimize = false,
}: {
  readonly webgpu?: boolean
  readonly args?: readonly string[]
  readonly engineFlags?: readonly string[]
  /** Optimizes WebAssembly as users' browsers do, to measure its speed. */
  readonly optimize?: boolean
} = {}): Promise<Browser> {
  const engine = `--js-flags=${[...(optimize ? [] : [wasmTiering]), ...engineFlags].join(' ')}`
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', engine, ...(webgpu ? softwareGpu : []), ...args],
  })
}
