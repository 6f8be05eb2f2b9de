import { checkpointOf, publishedCheckpoint } from '@inverseform/testing'
import { expect, test } from 'vitest'
import { loadInitialWeights, Trainer, type TrainerOptions } from '../src/index.js'

function stateWith(options: Partial<TrainerOptions> = {}) {
  const openSession = () => Promise.reject(new Error('no graph is run'))
  return new Trainer(
    { model: 'hrnet16-slim', steps: 1, batchSize: 1, cropSize: [64, 128], ...options },
    openSession,
  ).state
}

test('a published checkpoint is loaded whole, and starts the average', async () => {
  const { tensors } = publishedCheckpoint('hrnet16-slim')
  const state = stateWith({ ema: 0.9 })
  const { loaded, leftOut, initialized } = await loadInitialWeights(state, { tensors })
  expect([leftOut, initialized]).toEqual([[], []])
  expect(loaded).toEqual([...state.tensors.keys()])
  for (const name of ['backbone.conv1.weight', 'backbone.bn1.running_var', 'edge_head.last_layer.3.weight']) {
    expect(state.tensors.get(name)?.data, name).toEqual((await tensors.get(name)?.read())?.data)
  }
  expect(state.average?.get('backbone.conv1.weight')).toEqual(state.tensors.get('backbone.conv1.weight'))
})

test('for other classes, classifiers are new, and all else is loaded', async () => {
  const { tensors } = publishedCheckpoint('hrnet16-slim')
  const state = stateWith({ numClasses: 3 })
  const before = new Map([...state.tensors].map(([name, { data }]) => [name, data.slice()]))
  const { loaded, leftOut, initialized } = await loadInitialWeights(state, { tensors })
  expect(initialized.length).toBeGreaterThan(0)
  expect([...leftOut].sort()).toEqual([...initialized].sort())
  expect(loaded.length + initialized.length).toBe(state.tensors.size)
  for (const name of initialized) {
    const { shape, data } = state.tensors.get(name) ?? {}
    expect([shape?.[0], tensors.get(name)?.shape[0]], name).toEqual([3, 19])
    expect(data, name).toEqual(before.get(name))
  }
})

test('prefixes of training programs are ignored', async () => {
  const state = stateWith()
  const shape = state.tensors.get('backbone.conv1.weight')?.shape as number[]
  const fitting = checkpointOf([
    ['module.model.conv1.weight', shape],
    ['head.other', [1]],
  ])
  const { loaded, leftOut } = await loadInitialWeights(state, fitting)
  expect(loaded).toEqual(['backbone.conv1.weight'])
  expect(leftOut).toEqual(['head.other'])
  await expect(loadInitialWeights(state, checkpointOf([['head.other', [1]]]))).rejects.toThrow(
    'No tensor of the checkpoint fits the network.',
  )
})
