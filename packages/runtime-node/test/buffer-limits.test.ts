import { loadModel } from '@inverseform/backbones'
import { forWebGpu, largestBufferBytes, peakActivationBytes } from '@inverseform/backbones/graph'
import { publishedCheckpoint } from '@inverseform/testing'
import { expect, test } from 'vitest'
import { maxBufferBytes } from '../src/devices/devices.js'

const streetScene = { N: 1, H: 1024, W: 2048 }

test.each(['hrnet16-slim', 'hrnet18', 'ocrnet48', 'ocrnet48-hms'] as const)(
  '%s needs no tiles on WebGPU at 1024x2048',
  (model) => {
    const { graph } = loadModel(publishedCheckpoint(model), { model, edgeHead: true })
    const rewritten = forWebGpu(graph)
    const allowed = maxBufferBytes('webgpu') as number
    // WebGPU's default maxBufferSize.
    expect(allowed).toBe(256 * 1024 * 1024)
    expect(largestBufferBytes(rewritten, streetScene)).toBeLessThanOrEqual(allowed)
    expect(peakActivationBytes(rewritten, streetScene)).toBeLessThanOrEqual(
      peakActivationBytes(graph, streetScene),
    )
    expect(Object.entries(rewritten.outputs).map(([name, { shape }]) => [name, shape])).toEqual(
      Object.entries(graph.outputs).map(([name, { shape }]) => [name, shape]),
    )
  },
)

test('ocrnet48 without rewriting needs a larger buffer', () => {
  const { graph } = loadModel(publishedCheckpoint('ocrnet48'), { model: 'ocrnet48' })
  expect(largestBufferBytes(graph, streetScene)).toBeGreaterThan(maxBufferBytes('webgpu') as number)
})

test('other devices do not limit the size of a buffer', () => {
  for (const device of ['cpu', 'cuda', 'tensorrt', 'dml', 'coreml'] as const) {
    expect(maxBufferBytes(device)).toBeUndefined()
  }
})
