import { expect, test, vi } from 'vitest'
import type { StepResult } from '../src/index.js'
import { nodeSession } from '../src/node/session.js'
import { train } from './web/support/train.js'

const { native } = vi.hoisted(() => ({ native: { isMissing: false } }))

vi.mock('@inverseform/runtime-node/onnx', async (original) => {
  const { loadOnnxRuntime } = await original<typeof import('@inverseform/runtime-node/onnx')>()
  return {
    loadOnnxRuntime: async (threads: number) =>
      native.isMissing ? { ort: await import('onnxruntime-web'), device: 'wasm' } : loadOnnxRuntime(threads),
  }
})

test('without a native library, training runs on WebAssembly and gives the same losses', async () => {
  const losses = async () => {
    const results: StepResult[] = []
    for await (const result of train(nodeSession)) results.push(result)
    return results.map(({ loss }) => loss)
  }
  const expected = await losses()
  native.isMissing = true
  const found = await losses()
  expect(found).not.toEqual(expected)
  for (const [i, loss] of expected.entries()) expect(found[i] / loss).toBeCloseTo(1, 2.5)
})
