import { largestBufferBytes, loadModel, peakActivationBytes } from '@inverseform/backbones'
import { expect, test } from 'vitest'
import { publishedCheckpoint } from '../../backbones/test/support/models.js'
import { graphFor, maxBufferBytes } from '../src/device-graph.js'

const streetScene = { N: 1, H: 1024, W: 2048 }

test.each(['hrnet16-slim', 'hrnet18', 'ocrnet48', 'ocrnet48-hms'] as const)(
  '%s needs no tiles on WebGPU at 1024x2048',
  (model) => {
    const { graph } = loadModel(publishedCheckpoint(model), { model, edge: true })
    const rewritten = graphFor('webgpu', graph)
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

test('what ocrnet48 needs as it is would be too large', () => {
  const { graph } = loadModel(publishedCheckpoint('ocrnet48'), { model: 'ocrnet48' })
  expect(largestBufferBytes(graph, streetScene)).toBeGreaterThan(maxBufferBytes('webgpu') as number)
})

test('other devices run networks as they are, in buffers of any size', () => {
  const { graph } = loadModel(publishedCheckpoint('hrnet18'), { model: 'hrnet18' })
  for (const device of ['cpu', 'cuda', 'tensorrt', 'dml', 'coreml'] as const) {
    expect(graphFor(device, graph)).toBe(graph)
    expect(maxBufferBytes(device)).toBeUndefined()
  }
})
