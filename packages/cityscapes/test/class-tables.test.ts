import { describe, expect, test } from 'vitest'
import { type ClassTable, classTables } from '../src/classes/index.js'

const counts = {
  cityscapes: 19,
  bdd100k: 19,
  ade20k: 150,
  'pascal-voc': 21,
  'coco-stuff': 171,
  mapillary: 65,
  camvid: 11,
  'camvid-32': 32,
}

describe.each(Object.entries(classTables) as [keyof typeof counts, ClassTable][])('%s', (name, table) => {
  test('has a name and a color for each class', () => {
    expect(table.classNames).toHaveLength(counts[name])
    expect(table.palette).toHaveLength(counts[name])
    expect(new Set(table.classNames).size).toBe(counts[name])
    for (const className of table.classNames) expect(className).toBe(className.trim())
    for (const color of table.palette) {
      expect(color).toHaveLength(3)
      expect(color.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(true)
    }
  })
})

// The Pascal VOC development kit computes its colors from the bits of the id (VOClabelcolormap).
test("Pascal VOC's colors are those of the development kit", () => {
  const expected = Array.from({ length: 21 }, (_, id) => {
    const color = [0, 0, 0]
    for (let bit = 0; bit < 8; bit++) {
      for (let channel = 0; channel < 3; channel++) {
        color[channel] |= ((id >> (3 * bit + channel)) & 1) << (7 - bit)
      }
    }
    return color
  })
  expect(classTables['pascal-voc'].palette).toEqual(expected)
})

// From the data sets' own files and the labels of detectron2.
test.each([
  ['ade20k', 2, 'sky', [6, 230, 230]],
  ['ade20k', 149, 'flag', [92, 0, 255]],
  ['coco-stuff', 0, 'person', undefined],
  ['coco-stuff', 79, 'toothbrush', undefined],
  ['coco-stuff', 170, 'wood', undefined],
  ['mapillary', 13, 'Road', [128, 64, 128]],
  ['mapillary', 55, 'Car', [0, 0, 142]],
  ['mapillary', 64, 'Ego Vehicle', [120, 10, 10]],
  ['camvid', 10, 'Bicyclist', [0, 128, 192]],
  ['camvid-32', 30, 'Void', [0, 0, 0]],
  ['bdd100k', 18, 'bicycle', [119, 11, 32]],
] as const)('%s: class %d is %s', (name, id, className, color) => {
  const table: ClassTable = classTables[name]
  expect(table.classNames[id]).toBe(className)
  if (color) expect(table.palette[id]).toEqual(color)
})

test('the classes of CamVid have the colors of the original classes', () => {
  const original = new Map(classTables['camvid-32'].classNames.map((name, i) => [name, i]))
  const renamed: Record<string, string> = { Pole: 'Column_Pole', Pavement: 'Sidewalk' }
  classTables.camvid.classNames.forEach((name, i) => {
    const at = original.get(renamed[name] ?? name)!
    expect(classTables.camvid.palette[i]).toEqual(classTables['camvid-32'].palette[at])
  })
})
