import { describe, expect, it } from 'vitest'
import { labelIdToTrainId, toTrainIds } from '../src/index.js'
import { type IdMap, labelMapping, reduceZeroLabel } from '../src/label-mapping.js'

describe('labelMapping', () => {
  it('accepts a Map, an object, a list and a typed array', () => {
    const maps: IdMap[] = [
      new Map([
        [0, 3],
        [2, 1],
      ]),
      { 0: 3, 2: 1 },
      // biome-ignore lint/suspicious/noSparseArray: the list leaves out an id
      [3, , 1] as unknown as number[],
    ]
    for (const map of maps) {
      expect(labelMapping(map)(Uint8Array.of(0, 2, 2, 0))).toEqual(Uint8Array.of(3, 1, 1, 3))
      expect(() => labelMapping(map)(Uint8Array.of(1))).toThrow('has the id 1')
    }
    const everyByte = Uint8Array.from({ length: 256 }, (_, id) => id)
    expect(labelMapping(labelIdToTrainId)(everyByte)).toEqual(toTrainIds(everyByte))
  })

  it('names image, pixel and id if the map lacks an id', () => {
    const mapping = labelMapping({ 0: 0, 5: 1 })
    const ids = Uint8Array.of(0, 5, 0, 0, 7, 0)
    expect(() => mapping(ids, { width: 3, name: 'a.png' })).toThrow(
      'a.png has the id 7 at column 1, row 1, which is not in the label mapping.',
    )
    expect(() => mapping(ids)).toThrow('An image has the id 7 at pixel 4')
  })

  it('gives unmapped ids the id in `unmapped`', () => {
    const mapping = labelMapping({ 1: 0, 300: 2 }, { unmapped: 255 })
    expect(mapping(Int32Array.of(1, 300, 2, -1, 2 ** 31 - 1, 0, 301))).toEqual(
      Uint8Array.of(0, 2, 255, 255, 255, 255, 255),
    )
    expect(mapping(Uint32Array.of(2 ** 32 - 1, 300))).toEqual(Uint8Array.of(255, 2))
  })

  it('keeps unmapped ids if asked to', () => {
    const mapping = labelMapping({ 255: 1, 300: 2 }, { unmapped: 'keep' })
    expect(mapping(Uint8Array.of(0, 255, 254))).toEqual(Uint8Array.of(0, 1, 254))
    expect(mapping(Uint16Array.of(0, 300, 301, 65_535))).toEqual(Uint16Array.of(0, 2, 301, 65_535))
    for (const id of [-1, 65_536]) expect(() => mapping(Int32Array.of(0, id))).toThrow(`has the id ${id} at`)
  })

  it('maps negative ids, and maps to more than 256 classes', () => {
    expect(labelMapping({ '-1': 255, 0: 0 })(Int8Array.of(-1, 0))).toEqual(Uint8Array.of(255, 0))
    expect(labelMapping([7, 256])(Uint8Array.of(1, 0))).toEqual(Uint16Array.of(256, 7))
    expect(labelMapping([0], { unmapped: 65535 })(Uint8Array.of(1, 0))).toEqual(Uint16Array.of(65535, 0))
  })

  it('accepts integer arrays only', () => {
    expect(() => labelMapping([0])([0] as unknown as Uint8Array)).toThrow(
      /^`ids` must be a typed array of integers of at most 32 bits, .*, got \[0\]\.$/,
    )
  })

  it('does not change its input', () => {
    const ids = Uint8Array.of(1, 0)
    labelMapping([1, 0])(ids)
    expect(ids).toEqual(Uint8Array.of(1, 0))
  })

  it('rejects invalid ids', () => {
    for (const [map, message] of [
      [{ road: 1 }, 'integers from 0 to 65535, got NaN to 1.'],
      [{ '': 1 }, 'integers from 0 to 65535, got NaN to 1.'],
      [{ 1: -1 }, 'integers from 0 to 65535, got 1 to -1.'],
      [{ 1: 0.5 }, 'integers from 0 to 65535, got 1 to 0.5.'],
      [new Map([[1.5, 1]]), 'integers from 0 to 65535, got 1.5 to 1.'],
      [{ 70000: 1 }, 'integers from 0 to 65535, got 70000 to 1.'],
      [[1, 70000], 'integers from 0 to 65535, got 1 to 70000.'],
    ] as const) {
      expect(() => labelMapping(map as IdMap)).toThrow(message)
    }
    expect(() => labelMapping([0], { unmapped: -1 })).toThrow(
      "`unmapped` must be 'error', 'keep' or an integer from 0 to 65535, got -1.",
    )
  })
})

describe('reduceZeroLabel', () => {
  it('maps every byte like ADE20K’s tools', () => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, id) => id)
    const expected = [...everyByte].map((id) => (id === 0 || id === 255 ? 255 : id - 1))
    expect([...reduceZeroLabel(everyByte)]).toEqual(expected)
    expect(() => reduceZeroLabel(Uint16Array.of(256))).toThrow('has the id 256')
  })
})
