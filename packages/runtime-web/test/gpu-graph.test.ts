import { buildModel, memorySink, type SegmentationModelName } from '@inverseform/backbones'
import {
  forWebGpu,
  type Graph,
  largestBufferBytes,
  passes,
  peakActivationBytes,
} from '@inverseform/backbones/graph'
import { encodeOnnx } from '@inverseform/backbones/onnx'
import { type DeviceSource, openOnBestDevice, type Session } from '@inverseform/runtime'
import { deterministicSource } from '@inverseform/testing'
import { expect, test } from 'vitest'

const MEBIBYTE = 2 ** 20
const size = { N: 1, H: 1024, W: 2048 }

test.each<[SegmentationModelName, number, number]>([
  // The stem: 64 channels of 256x512.
  ['hrnet16-slim', 64 / 2, 64 / 2],
  // 270 concatenated channels of 256x512; then the stem: 64 of 512x1024.
  ['hrnet18', 270 / 2, 64 * 2],
  // 1024 concatenated channels of 256x512; then half of them.
  ['ocrnet48', 1024 / 2, 512 / 2],
])('the largest buffer of %s at 1024x2048 is %d MiB, on the GPU %d MiB', (model, plain, onGpu) => {
  const graph = passes.foldBatchNorm(buildModel(model, { parameters: deterministicSource(), edgeHead: true }))
  expect(largestBufferBytes(graph, size) / MEBIBYTE).toBe(plain)
  expect(largestBufferBytes(forWebGpu(graph), size) / MEBIBYTE).toBe(onGpu)
  expect(peakActivationBytes(forWebGpu(graph), size)).toBeLessThanOrEqual(peakActivationBytes(graph, size))
})

/** Loads a graph on a device that runs no network, and returns the graph that remains to plan with. */
async function remainingGraph(graph: Graph, prepare?: (graph: Graph) => Graph): Promise<Graph> {
  const onArrays: Session = { run: async () => ({}), dispose: async () => {} }
  const source: DeviceSource<'cpu' | 'gpu'> = {
    reference: 'cpu',
    openReference: () => Promise.reject(new Error('The device is not compared.')),
    referenceReason: () => '',
    hasFloat16: async () => false,
    triesFloat32: false,
    start: async () => ({ name: 'gpu', prepare, load: async () => ({ onArrays }) }),
  }
  const choice = { devices: ['gpu'], precision: 'float32', selfCheck: 'skip' } as const
  return (await openOnBestDevice(graph, choice, source)).graph
}

test.each([
  ['as it is', undefined],
  ['rewritten for WebGPU', forWebGpu],
])('the graph of a loaded network, %s, has the same sizes but no weights', async (_, prepare) => {
  const source = { parameters: deterministicSource(), edgeHead: true }
  const graph = passes.foldBatchNorm(buildModel('hrnet16-slim', source))
  const prepared = prepare?.(graph) ?? graph
  const remaining = await remainingGraph(graph, prepare)
  expect(largestBufferBytes(remaining, size)).toBe(largestBufferBytes(prepared, size))
  expect(peakActivationBytes(remaining, size)).toBe(peakActivationBytes(prepared, size))
  const model = encodeOnnx(remaining)
  await expect(model.write(memorySink(model.byteLength))).rejects.toThrow('does not hold its weights')
})
