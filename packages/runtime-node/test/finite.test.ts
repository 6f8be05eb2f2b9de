import { join } from 'node:path'
import { writeSafetensors } from '@inverseform/backbones'
import { writeFileAtomically } from '@inverseform/backbones/node'
import { inferenceCheckpoint } from '@inverseform/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSegmenter } from '../src/index.js'
import { temporaryFolder } from './support/checkpoint.js'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

const image = { data: new Uint8Array(3 * 64 * 32).fill(200), width: 64, height: 32 }

/** Writes a checkpoint with changed convolution weights; returns its path. */
async function changed(name: string, change: (data: Float32Array) => void): Promise<string> {
  const { tensors } = inferenceCheckpoint('hrnet16-slim')
  const path = join(folder.path, `${name}.safetensors`)
  const all = await Promise.all(
    [...tensors.values()].map(async (tensor) => {
      const { data, ...rest } = await tensor.read()
      const copy = data.slice()
      if (tensor.shape.length === 4) change(copy as Float32Array)
      return { ...tensor, read: async () => ({ ...rest, data: copy }) }
    }),
  )
  await writeFileAtomically(path, (sink) => writeSafetensors(all as never, sink))
  return path
}

test('a weight that is NaN is an error that names the tensor', async () => {
  let first = true
  const checkpoint = await changed('nan', (data) => {
    if (first) data[3] = Number.NaN
    first = false
  })
  await expect(createSegmenter({ checkpoint, device: 'cpu' })).rejects.toThrow(
    expect.objectContaining({
      code: 'invalid-checkpoint',
      message: expect.stringContaining('"backbone.conv0.weight" has the value NaN'),
    }),
  )
})

test('weights that let the network overflow are an error that names the output', async () => {
  const checkpoint = await changed('overflow', (data) => {
    for (let i = 0; i < data.length; i++) data[i] *= 1e15
  })
  await using segmenter = await createSegmenter({ checkpoint, device: 'cpu' })
  await expect(segmenter.segment(image)).rejects.toThrow(
    expect.objectContaining({
      code: 'inference-failed',
      message: expect.stringMatching(
        /^The network's output `logits` has the value (NaN|-?Infinity) for `image`\.$/,
      ),
    }),
  )
})
