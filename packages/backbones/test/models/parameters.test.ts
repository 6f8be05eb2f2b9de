import { product } from '@inverseform/shared'
import { goldenStateDict } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { requiredParameters, type SegmentationModelName, zoo } from '../../src/index.js'

const models = Object.keys(zoo) as SegmentationModelName[]

/** Modules of the published networks that only training uses. */
const trainingModules: Record<SegmentationModelName, RegExp> = {
  hrnet18: /^(?:aux_head|edge_head)\./,
  'hrnet16-slim': /^(?:aux_head|edge_head)\./,
  ocrnet48: /^edge_head\./,
  'ocrnet48-hms': /^$/,
}

describe.each(models)('%s needs the weights of the published state dict', (model) => {
  const published = goldenStateDict(model).filter(({ name }) => !name.endsWith('.num_batches_tracked'))

  test.each([true, false])('edge head: %s', (edge) => {
    const expected = published.filter(
      (entry) => !trainingModules[model].test(entry.name) && (edge || !entry.edge),
    )
    const needed = [...requiredParameters(model, { edgeHead: edge })].map(([name, shape]) => ({
      name,
      shape,
    }))
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
    expect(needed.sort(byName)).toEqual(expected.map(({ name, shape }) => ({ name, shape })).sort(byName))
  })

  test('and has as many parameters as the zoo says', () => {
    const learned = published.filter(({ name }) => !/\.running_(?:mean|var)$/.test(name))
    const count = learned.reduce((sum, { shape }) => sum + product(shape), 0)
    expect(Math.abs(count / 1e6 - zoo[model].parametersMillions)).toBeLessThanOrEqual(0.05)
  })

  test('of which only the classifiers know the number of classes', () => {
    const nineteen = requiredParameters(model, { edgeHead: true })
    const seven = requiredParameters(model, { edgeHead: true, numClasses: 7 })
    expect([...seven.keys()]).toEqual([...nineteen.keys()])
    const changed = [...seven].filter(([name, shape]) => String(shape) !== String(nineteen.get(name)))
    expect(changed.map(([name]) => name)).toContain(zoo[model].classWeight)
    for (const [name, shape] of changed) {
      expect(shape[0]).toBe(7)
      expect(nineteen.get(name)?.slice(1)).toEqual(shape.slice(1))
    }
  })
})
