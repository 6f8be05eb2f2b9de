import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { PixelLevelEvaluation } from '../../src/metrics/official/pixel-level.js'
import { evaluationOf, randomImage } from './official-images.js'

const images = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => randomImage(seed, 23, 17))

describe('the state of the official evaluation', () => {
  it('is exactly the same however the images are split, ordered and merged', () => {
    const whole = evaluationOf(images)
    const next = seededRandom(1)
    for (let trial = 0; trial < 20; trial++) {
      const parts = [0, 1, 2].map(() => new PixelLevelEvaluation())
      const shuffled = images.map((image) => ({ image, key: next() })).sort((a, b) => a.key - b.key)
      for (const { image } of shuffled) parts[Math.floor(next() * 3)].update(image)
      const merged = new PixelLevelEvaluation()
      for (const part of parts) merged.merge(PixelLevelEvaluation.fromJSON(JSON.parse(JSON.stringify(part))))
      expect(merged.toJSON()).toEqual(whole.toJSON())
      expect(merged.compute()).toEqual(whole.compute())
    }
  })

  it('can be merged with itself', () => {
    const twice = evaluationOf(images)
    twice.merge(twice)
    expect(twice.toJSON()).toEqual(evaluationOf([...images, ...images]).toJSON())
  })

  it('keeps its options, and rejects merging with different options', () => {
    const without = new PixelLevelEvaluation({ instances: false })
    const back = PixelLevelEvaluation.fromJSON(JSON.parse(JSON.stringify(without)))
    expect(back.instances).toBe(false)
    expect(new PixelLevelEvaluation().instances).toBe(true)
    const whole = evaluationOf(images)
    const before = whole.toJSON()
    expect(() => whole.merge(without)).toThrow(
      /"instances":false.* cannot be merged into one with .*"instances":true/,
    )
    expect(() => without.merge(whole)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
    expect(whole.toJSON()).toEqual(before)
  })

  it('needs `instances` that is true or false', () => {
    expect(() => new PixelLevelEvaluation({ instances: 1 as unknown as boolean })).toThrow(
      '`instances` must be true or false, got 1.',
    )
  })

  it('is rejected if it belongs to another metric or is damaged', () => {
    const state = evaluationOf(images).toJSON()
    const { car, ...others } = state.instances!
    const counts = [[1]]
    for (const [bad, message] of [
      [null, /is not a state of inverseform\.pixel-level-evaluation, version 1/],
      [{ ...state, version: 2 }, /its version 2\./],
      [state.confusion, /its format is "inverseform\.confusion-matrix"/],
      [
        { ...state, confusion: undefined },
        /damaged: confusion: The JSON is not a state of inverseform\.confusion-matrix/,
      ],
      [
        { ...state, confusion: { ...state.confusion, classes: 1, counts, missed: [0] } },
        /damaged: confusion: .*"numClasses":1.* cannot be merged into one with .*"numClasses":34/,
      ],
      [
        { ...state, confusion: { ...state.confusion, ignoreIndex: 255 } },
        /damaged: confusion: .*"ignoreIndex":255.* cannot be merged into one with .*"ignoreIndex":null/,
      ],
      [{ ...state, instances: undefined }, /damaged: instances is missing\./],
      [{ ...state, instances: 7 }, /damaged: instances is 7, not an object\./],
      [{ ...state, instances: others }, /damaged: instances\.car is undefined, not an object\./],
      [
        { ...state, instances: { ...others, car: { tp: car.tp, fn: [1, null] } } },
        /damaged: instances\.car\.fn is \[1, null\], not the parts of a sum/,
      ],
      [
        { ...state, instances: { ...others, car: { tp: [1.7e308, 1.7e308], fn: [] } } },
        /damaged: instances\.car\.tp is \[1\.7e\+308, 1\.7e\+308\], not the parts of a sum/,
      ],
      [
        { ...state, instances: { ...others, car: { tp: [-1], fn: [] } } },
        /instances\.car\.tp is \[-1\], not the parts/,
      ],
      [
        { ...state, instances: { ...others, car: { tp: [1e12], fn: [] } } },
        /instances\.car\.tp is 1000000000000, above its limit/,
      ],
    ] as const) {
      expect(() => PixelLevelEvaluation.fromJSON(bad)).toThrow(message)
    }
  })
})
