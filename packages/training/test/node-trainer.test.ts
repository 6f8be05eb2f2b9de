import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { deterministicBatch } from '@inverseform/testing/training'
import { afterAll, expect, test } from 'vitest'
import { Trainer } from '../src/index.js'
import { createTrainer, nodeSession } from '../src/node/index.js'

const folder = mkdtempSync(join(tmpdir(), 'inverseform-trainer-'))
afterAll(() => rmSync(folder, { recursive: true }))

const cropSize = [128, 128] as const
const options = { model: 'hrnet16-slim', steps: 2, batchSize: 1, cropSize } as const
const batch = deterministicBatch(0, 1, cropSize)

test('the joint loss uses the small InverseNet by default', async () => {
  const { weights, options: inverseForm } = smallInverseNet(cropSize)
  await using chosen = await createTrainer(options)
  await using given = new Trainer(
    { ...options, regressor: weights, lossOptions: { inverseForm } },
    nodeSession,
  )
  const [first, second] = [await chosen.step(batch), await given.step(batch)]
  expect(first).toEqual(second)
  expect(first.terms.inverseForm).toBeGreaterThan(0)
})

test('starts from the weights of a checkpoint, and tells which it took', async () => {
  const path = join(folder, 'weights.pth')
  await using trained = await createTrainer({ ...options, seed: 2 })
  await trained.saveTorch(path)
  await using next = await createTrainer({ ...options, checkpoint: path, numClasses: 3 })
  const { loaded, leftOut, initialized } = next.initialWeights ?? {}
  expect(initialized).toEqual(leftOut)
  expect(initialized?.length).toBeGreaterThan(0)
  for (const name of loaded ?? []) {
    expect(next.state.tensors.get(name)?.data, name).toEqual(trained.state.tensors.get(name)?.data)
  }
})
