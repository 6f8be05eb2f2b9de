import { describe, expect, it } from 'vitest'
import { labelIdToTrainId, toTrainIds } from '../src/index.js'
import { type IdMap, labelMapping, reduceZeroLabel } from '../src/label-mapping.js'

describe('labelMapping', () => {
  it('takes a Map, an object, a list and a typed array alike', () => {
    const maps: IdMap[] = [
      new Map([
        [0, 3],
        [2, 1],
      ]),
      { 0: 3, 2: 1 },
      // biome-ignore lint/suspicious/noSparseArray: an id that the list leaves out
      [3, , 1] as unknown as number[],
    ]
    for (const map of maps) {
      expect(labelMapping(map)(Uint8Array.of(0, 2, 2, 0))).toEqual(Uint8Array.of(3, 1, 1, 3))
      expect(() => labelMapping(map)(Uint8Array.of(1))).toThrow('has the id 1')
    }
    const everyByte = Uint8Array.from({ length: 256 }, (_, id) => id)
    expect(labelMapping(labelIdToTrainId)(everyByte)).toEqual(toTrainIds(everyByte))
  })

  it('names image, pixel and id of what the map lacks', () => {
    const mapping = labelMapping({ 0: 0, 5: 1 })
    const ids = Uint8Array.of(0, 5, 0, 0, 7, 0)
    expect(() => mapping(ids, { width: 3, name: 'a.png' })).toThrow(
      'a.png has the id 7 at column 1, row 1, which the label mapping lacks.',
    )
    expect(() => mapping(ids)).toThrow('An image has the id 7 at pixel 4')
  })

  it('gives what the map lacks an id of its own when told to', () => {
    const mapping = labelMapping({ 1: 0, 300: 2 }, { unmapped: 255 })
    expect(mapping(Int32Array.of(1, 300, 2, -1, 2 ** 31 - 1, 0, 301))).toEqual(
      Uint8Array.of(0, 2, 255, 255, 255, 255, 255),
    )
    expect(mapping(Uint32Array.of(2 ** 32 - 1, 300))).toEqual(Uint8Array.of(255, 2))
  })

  it('maps ids below 0, and to more than 256 classes', () => {
    expect(labelMapping({ '-1': 255, 0: 0 })(Int8Array.of(-1, 0))).toEqual(Uint8Array.of(255, 0))
    expect(labelMapping([7, 256])(Uint8Array.of(1, 0))).toEqual(Uint16Array.of(256, 7))
    expect(labelMapping([0], { unmapped: 65535 })(Uint8Array.of(1, 0))).toEqual(Uint16Array.of(65535, 0))
  })

  it('leaves the ids it is given as they are', () => {
    const ids = Uint8Array.of(1, 0)
    labelMapping([1, 0])(ids)
    expect(ids).toEqual(Uint8Array.of(1, 0))
  })

  it('refuses ids there are not', () => {
    for (const [map, message] of [
      [{ road: 1 }, 'cannot make NaN into 1'],
      [{ '': 1 }, 'cannot make NaN into 1'],
      [{ 1: -1 }, 'cannot make 1 into -1'],
      [{ 1: 0.5 }, 'cannot make 1 into 0.5'],
      [new Map([[1.5, 1]]), 'cannot make 1.5 into 1'],
      [{ 70000: 1 }, 'cannot make 70000 into 1'],
      [[1, 70000], 'cannot make 1 into 70000'],
    ] as const)
      expect(() => labelMapping(map as IdMap)).toThrow(message)
    expect(() => labelMapping([0], { unmapped: -1 })).toThrow('other ids into -1')
  })
})

describe('reduceZeroLabel', () => {
  it('does to every byte what ADE20K’s tools do', () => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, id) => id)
    const expected = [...everyByte].map((id) => (id === 0 || id === 255 ? 255 : id - 1))
    expect([...reduceZeroLabel(everyByte)]).toEqual(expected)
    expect(() => reduceZeroLabel(Uint16Array.of(256))).toThrow('has the id 256')
  })
})
