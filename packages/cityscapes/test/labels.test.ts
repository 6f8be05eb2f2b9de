import { describe, expect, it } from 'vitest'
import {
  categories,
  classNames,
  labelIdToTrainId,
  labels,
  palette,
  toLabelIds,
  toTrainIds,
  trainIdToLabelId,
} from '../src/index.js'

const byName = (name: string) => labels.find((label) => label.name === name)!

describe('the label table', () => {
  it('has 35 labels with distinct names, ids 0..33 and -1', () => {
    expect(labels).toHaveLength(35)
    expect(new Set(labels.map(({ name }) => name)).size).toBe(35)
    expect(labels.map(({ id }) => id)).toEqual([...Array.from({ length: 34 }, (_, i) => i), -1])
  })

  it('evaluates exactly the 19 classes, in the order of their ids', () => {
    const evaluated = labels.filter(({ ignoreInEval }) => !ignoreInEval)
    expect(evaluated.map(({ trainId }) => trainId)).toEqual(Array.from({ length: 19 }, (_, i) => i))
    expect(evaluated.map(({ id }) => id)).toEqual([
      7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33,
    ])
    for (const { ignoreInEval, trainId } of labels) {
      expect(ignoreInEval).toBe(trainId === 255 || trainId === -1)
    }
  })

  it('distinguishes instances of people and vehicles only', () => {
    const withInstances = labels.filter(({ hasInstances }) => hasInstances).map(({ name }) => name)
    expect(withInstances).toEqual(
      'person rider car truck bus caravan trailer train motorcycle bicycle'.split(' '),
    )
  })

  it('numbers the categories like the official table', () => {
    expect(
      categories.map((category) => labels.filter((label) => label.category === category).length),
    ).toEqual([7, 4, 6, 4, 2, 1, 2, 9])
    for (const { category, categoryId } of labels) expect(categories[categoryId]).toBe(category)
  })

  it('has the right values in rows that are easy to get wrong', () => {
    expect(byName('license plate')).toEqual({
      name: 'license plate',
      id: -1,
      trainId: -1,
      category: 'vehicle',
      categoryId: 7,
      hasInstances: false,
      ignoreInEval: true,
      color: [0, 0, 142],
    })
    expect(byName('caravan')).toMatchObject({ id: 29, trainId: 255, hasInstances: true, color: [0, 0, 90] })
    expect(byName('train')).toMatchObject({ id: 31, trainId: 16, color: [0, 80, 100] })
    expect(byName('polegroup')).toMatchObject({ id: 18, trainId: 255, color: [153, 153, 153] })
  })

  it('has the palette of published segmentation code', () => {
    expect(palette.flat()).toEqual([
      128, 64, 128, 244, 35, 232, 70, 70, 70, 102, 102, 156, 190, 153, 153, 153, 153, 153, 250, 170, 30, 220,
      220, 0, 107, 142, 35, 152, 251, 152, 70, 130, 180, 220, 20, 60, 255, 0, 0, 0, 0, 142, 0, 0, 70, 0, 60,
      100, 0, 80, 100, 0, 0, 230, 119, 11, 32,
    ])
    expect(classNames).toHaveLength(19)
    expect([classNames[0], classNames[13], classNames[18]]).toEqual(['road', 'car', 'bicycle'])
  })
})

describe('the lookup tables', () => {
  const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i)

  it('map every byte as the table says, all other ids to 255 and 0', () => {
    for (let id = 0; id < 256; id++) {
      expect(labelIdToTrainId[id]).toBe(labels.find((label) => label.id === id)?.trainId ?? 255)
      expect(trainIdToLabelId[id]).toBe(labels.find((label) => label.trainId === id && id < 19)?.id ?? 0)
    }
    expect([...toTrainIds(everyByte)]).toEqual([...labelIdToTrainId])
    expect([...toLabelIds(everyByte)]).toEqual([...trainIdToLabelId])
  })

  it('are each other’s inverse on the classes', () => {
    const trainIds = everyByte.subarray(0, 19)
    expect(toTrainIds(toLabelIds(trainIds))).toEqual(trainIds)
  })

  it('accept 16-bit ids; ids above 255 are not classes', () => {
    expect([...toTrainIds(Uint16Array.of(26, 26001, 256 + 26))]).toEqual([13, 255, 255])
    expect([...toLabelIds(Uint16Array.of(13, 256 + 13))]).toEqual([26, 0])
  })

  it('are applied to integer arrays only', () => {
    for (const convert of [toTrainIds, toLabelIds]) {
      expect(() => convert(Float32Array.of(7, 0.5) as unknown as Uint8Array)).toThrow(
        /^`ids` must be a typed array of integers of at most 32 bits, .*, got Float32Array of 2 elements\.$/,
      )
    }
  })
})
