import { readFileSync } from 'node:fs'
import { seededRandom } from '@inverseform/shared'
import { decode } from 'fast-png'
import { describe, expect, it } from 'vitest'
import type { InverseFormError } from '../src/index.js'
import { parsePolygons } from '../src/polygons/annotation.js'
import { fillPolygon } from '../src/polygons/fill-polygon.js'
import { drawPolygons, labelEncodings, labelImage } from '../src/polygons/label-image.js'

const fixture = (name: string) => readFileSync(new URL(`fixtures/polygons/${name}`, import.meta.url))

function drawn(width: number, height: number, points: readonly number[]): Uint8Array {
  const data = new Uint8Array(width * height)
  fillPolygon({ width, height, data }, points, 1)
  return data
}

/** Rows of text: compared at once, and readable where they differ. */
function picture(data: ArrayLike<number | boolean>, width: number): string {
  return Array.from(data, (value, i) => (value ? '#' : '.') + (i % width === width - 1 ? '\n' : '')).join('')
}

function failure(run: () => unknown): InverseFormError {
  try {
    run()
  } catch (error) {
    return error as InverseFormError
  }
  throw new Error('nothing was thrown')
}

describe('fillPolygon', () => {
  interface Golden {
    readonly width: number
    readonly height: number
    readonly points: number[]
    readonly runs: number[]
  }
  const goldens = JSON.parse(fixture('pillow-9.4.0.json').toString()) as Golden[]

  it.each(goldens.map((golden, i) => [i, golden] as const))(
    'draws polygon %i as Pillow does',
    (_, golden) => {
      const expected = new Uint8Array(golden.width * golden.height)
      for (let i = 0; i < golden.runs.length; i += 2) expected.fill(1, golden.runs[i], golden.runs[i + 1])
      const { width, height, points } = golden
      expect(picture(drawn(width, height, points), width)).toBe(picture(expected, width))
    },
  )

  it('draws a convex polygon as the pixels on or within its edges', () => {
    const next = seededRandom(3)
    const within = (limit: number) => Math.floor(next() * limit)
    for (let round = 0; round < 50; round++) {
      // A rectangle and an isosceles right triangle meet pixel centers exactly, so that no rounding is in play.
      const [x, y, size] = [within(20), within(20), 1 + within(12)]
      const inBox = (_: unknown, i: number) => {
        const [column, row] = [i % 40, Math.floor(i / 40)]
        return column >= x && column <= x + size && row >= y && row <= y + size
      }
      const box = Array.from({ length: 1600 }, inBox)
      const triangle = box.map((inside, i) => inside && (i % 40) - x <= Math.floor(i / 40) - y)
      const corners = [x, y, x + size, y + size, x, y + size]
      expect(picture(drawn(40, 40, [x, y, x + size, y, ...corners.slice(2)]), 40)).toBe(picture(box, 40))
      expect(picture(drawn(40, 40, corners), 40)).toBe(picture(triangle, 40))
    }
  })

  it('draws open and closed polygons alike', () => {
    for (const { width, height, points } of goldens) {
      expect(picture(drawn(width, height, [...points, points[0], points[1]]), width)).toBe(
        picture(drawn(width, height, points), width),
      )
    }
  })

  it('draws the part of a polygon that is inside the canvas', () => {
    const next = seededRandom(4)
    for (let round = 0; round < 100; round++) {
      const points = Array.from({ length: 16 }, () => Math.floor(next() * 60) - 20)
      const whole = drawn(40, 40, points)
      const cut = Uint8Array.from({ length: 400 }, (_, i) => whole[Math.floor(i / 20) * 40 + (i % 20)])
      expect(picture(drawn(20, 20, points), 20)).toBe(picture(cut, 20))
    }
  })

  it('draws nothing outside, whatever the polygon', () => {
    expect(drawn(4, 4, [-9, -9, -2, -9, -2, -2]).some(Boolean)).toBe(false)
    expect(drawn(4, 4, [4, 0, 9, 0, 9, 3, 4, 3]).some(Boolean)).toBe(false)
    expect(drawn(4, 4, [0, 4, 3, 4, 3, 9]).some(Boolean)).toBe(false)
    expect(drawn(4, 4, [-4e6, -4e6, 4e6, -4e6, 4e6, 4e6, -4e6, 4e6]).every(Boolean)).toBe(true)
  })
})

describe('label images', () => {
  const street = () => parsePolygons(fixture('street_polygons.json').toString(), 'street_polygons.json')

  it.each(labelEncodings)('of %s equal those of the published scripts', (encoding) => {
    const expected = decode(fixture(`street_${encoding}.png`))
    const { width, height, data } = labelImage(drawPolygons(street()), encoding)
    expect([width, height]).toEqual([expected.width, expected.height])
    expect(data).toEqual(expected.data)
  })

  it('number single objects in file order, without groups and deleted objects', () => {
    const { objects } = drawPolygons(street())
    const numbers = (name: string) =>
      objects.filter(({ label }) => label.name === name).map(({ instance }) => instance)
    expect(numbers('car')).toEqual([0, undefined, 1, 2, 3])
    expect(numbers('person')).toEqual([0, 1, undefined])
    expect(numbers('road')).toEqual([undefined, undefined])
    expect(numbers('license plate')).toEqual([])
  })

  it('contain only background without objects', () => {
    const drawn = drawPolygons(parsePolygons('{"imgWidth": 3, "imgHeight": 2, "objects": []}'))
    expect(labelEncodings.map((encoding) => [...new Set(labelImage(drawn, encoding).data)])).toEqual([
      [0],
      [255],
      [0],
      [255],
      [0, 255],
    ])
  })

  it('support more objects than 16 bits can count', () => {
    const objects = Array.from({ length: 70_000 }, (_, i) => ({
      label: i === 69_999 ? 'sky' : 'road',
      polygon: [
        [0, 0],
        [1, 0],
      ],
    }))
    const drawn = drawPolygons(parsePolygons(JSON.stringify({ imgWidth: 2, imgHeight: 1, objects })))
    expect(labelImage(drawn, 'labelIds').data).toEqual(Uint8Array.of(23, 23))
  })

  const one = (object: object) =>
    JSON.stringify({
      imgWidth: 4,
      imgHeight: 4,
      objects: [{ label: 'car', polygon: [[0, 0], [1, 1]] }, object], // biome-ignore format: one line
    })
  const square = [[0, 0], [3, 0], [3, 3], [0, 3]] // biome-ignore format: one line

  it('reject an unknown label, unless its object is deleted', () => {
    const error = failure(() =>
      drawPolygons(parsePolygons(one({ label: 'hovercar', polygon: square }), 'a.json')),
    )
    expect(error.code).toBe('unreadable')
    expect(error.message).toBe(
      'a.json, object 2 ("hovercar"), has a label that is not in the label table of Cityscapes.',
    )
    expect(() => drawPolygons(parsePolygons(one({ label: 'group', polygon: square })))).toThrow('"group"')
    expect(() => drawPolygons(parsePolygons(one({ label: 'cargroups', polygon: square })))).toThrow(
      '"cargroups"',
    )
    expect(() =>
      drawPolygons(parsePolygons(one({ label: 'hovercar', polygon: square, deleted: 1 }))),
    ).not.toThrow()
  })

  it('reject an object with fewer than two corners, unless it is deleted', () => {
    expect(() => drawPolygons(parsePolygons(one({ label: 'car', polygon: [[1, 1]] }), 'a.json'))).toThrow(
      'a.json, object 2 ("car"), has fewer than two corners.',
    )
    expect(() => drawPolygons(parsePolygons(one({ label: 'car', polygon: [], deleted: true })))).not.toThrow()
  })

  it('reject more objects of a label than instance ids', () => {
    const objects = Array.from({ length: 1001 }, () => ({ label: 'car', polygon: square }))
    const annotation = (count: number) =>
      parsePolygons(JSON.stringify({ imgWidth: 4, imgHeight: 4, objects: objects.slice(0, count) }), 'a.json')
    expect(labelImage(drawPolygons(annotation(1000)), 'instanceIds').data[0]).toBe(26_999)
    const error = failure(() => drawPolygons(annotation(1001)))
    expect(error.code).toBe('limit-exceeded')
    expect(error.message).toBe('a.json, object 1001 ("car"), is number 1001 of its label.')
  })
})

describe('parsePolygons', () => {
  const parse = (value: unknown) => () => parsePolygons(JSON.stringify(value), 'a.json')
  const object = (fields: object) => ({
    imgWidth: 4,
    imgHeight: 4,
    objects: [{ label: 'car', polygon: [], ...fields }],
  })

  it('reads sizes, labels and corners, including fractions', () => {
    const text =
      '{"imgHeight": 2, "imgWidth": 3, "objects": [{"label": "x", "polygon": [[1.5, -2], [3, 4, 5]]}]}'
    expect(parsePolygons(text, 'a.json')).toEqual({
      name: 'a.json',
      width: 3,
      height: 2,
      objects: [{ label: 'x', points: Float64Array.of(1.5, -2, 3, 4), deleted: false }],
    })
  })

  it.each([
    ['no object', [], 'a.json must hold a JSON object, got a list.'],
    ['no width', { imgHeight: 4, objects: [] }, 'a.json has nothing for "imgWidth"'],
    ['a height as text', { imgWidth: 4, imgHeight: '4', objects: [] }, 'a.json has "4" for "imgHeight"'],
    ['a broken width', { imgWidth: 1.5, imgHeight: 4, objects: [] }, 'a.json has 1.5 for "imgWidth"'],
    ['no height at all', { imgWidth: 4, imgHeight: 0, objects: [] }, 'a.json has 0 for "imgHeight"'],
    ['no objects', { imgWidth: 4, imgHeight: 4 }, 'a.json has nothing for "objects"'],
    ['no label', object({ label: null }), 'a.json, object 1, has null for "label"'],
    ['no polygon', object({ polygon: {} }), 'a.json, object 1 ("car"), has an object for "polygon"'],
    ['half a corner', object({ polygon: [[1, 2], [3]] }), 'a.json, object 1 ("car"), has [3] for corner 2'],
    ['a corner as text', object({ polygon: [['1', 2]] }), 'has ["1",2] for corner 1'],
    ['a corner far away', object({ polygon: [[1, 1e7]] }), 'has [1,10000000] for corner 1'],
  ])('refuses %s', (_, value, message) => {
    const error = failure(parse(value))
    expect(error.message).toContain(message)
    expect(error.code).toBe('unreadable')
    expect(error.hint).toMatch(/\.$/)
  })

  it('rejects invalid JSON', () => {
    for (const text of ['', '{', '{"imgWidth": NaN}']) {
      expect(failure(() => parsePolygons(text, 'a.json')).message).toMatch(/^a\.json is not JSON: /)
    }
    // Too large for a double.
    const text = '{"imgHeight": 4, "imgWidth": 4, "objects": [{"label": "car", "polygon": [[1e999, 2]]}]}'
    expect(() => parsePolygons(text)).toThrow('for corner 1')
  })

  it('rejects sizes above the limit', () => {
    const error = failure(parse({ imgWidth: 2 ** 20, imgHeight: 2 ** 20, objects: [] }))
    expect(error.code).toBe('limit-exceeded')
    expect(error.message).toBe(
      'a.json has 1048576x1048576 = 1099511627776 pixels, at most 16777216 are allowed.',
    )
  })
})

describe('limits', () => {
  const car = (points: readonly number[]) => ({
    label: 'car',
    points: Float64Array.from(points),
    deleted: false,
  })
  const size = (side: number) => ({ name: 'a.json', width: side, height: side })

  it('refuses large images before it draws, unless more pixels are allowed', () => {
    const text = '{"imgWidth": 16384, "imgHeight": 16384, "objects": []}'
    const message = 'a.json has 16384x16384 = 268435456 pixels, at most 16777216 are allowed.'
    expect(failure(() => parsePolygons(text, 'a.json'))).toMatchObject({ code: 'limit-exceeded', message })
    expect(parsePolygons(text, 'a.json', { maxPixels: 2 ** 28 }).width).toBe(16384)
    expect(failure(() => drawPolygons({ ...size(16384), objects: [] })).message).toBe(message)
    expect(failure(() => drawPolygons({ ...size(3), objects: [] }, { maxPixels: 8 })).message).toContain(
      '3x3 = 9 pixels, at most 8',
    )
  })

  it('refuses polygons that would take minutes before it draws', () => {
    const whole = car([0, 0, 4095, 0, 4095, 4095, 0, 4095])
    const many = failure(() => drawPolygons({ ...size(4096), objects: new Array(600).fill(whole) }))
    expect(many.code).toBe('limit-exceeded')
    expect(many.message).toMatch(/^a\.json has polygons that cover too many pixels, or have too many corners/)
    expect(many.hint).toContain('`maxPixels`')
    const corners = car(Array.from({ length: 2 * 30_000 }, (_, i) => i % 4))
    expect(failure(() => drawPolygons({ ...size(4), objects: [corners] })).code).toBe('limit-exceeded')
    const deleted = { ...corners, deleted: true }
    expect(drawPolygons({ ...size(4), objects: [deleted] }).objects).toHaveLength(1)
  })

  it('draws more than any image of Cityscapes has', () => {
    const whole = car([0, 0, 2047, 0, 2047, 1023, 0, 1023])
    const { data } = drawPolygons({
      name: 'a',
      width: 2048,
      height: 1024,
      objects: new Array(900).fill(whole),
    })
    expect(data[5]).toBe(900)
  })
})

describe('argument checks', () => {
  it('reject invalid annotations and unknown encodings', () => {
    const annotation = { name: 'a.json', width: 2, height: 2, objects: [] }
    expect(() => drawPolygons({ ...annotation, width: 1.5 })).toThrow(
      '`width` must be an integer of at least 1, got 1.5.',
    )
    expect(() => drawPolygons({ ...annotation, objects: undefined as never })).toThrow(
      '`objects` must be an array of polygon objects, got undefined.',
    )
    expect(() => labelImage(drawPolygons(annotation), 'ids' as never)).toThrow('`encoding` must be one of')
  })

  it('reject an invalid canvas, corners and value, and text that is not a string', () => {
    const canvas = { width: 2, height: 2, data: new Uint8Array(4) }
    const fill = (...args: unknown[]) => fillPolygon(...(args as Parameters<typeof fillPolygon>))
    const triangle = [0, 0, 1, 0, 1, 1]
    for (const [args, message] of [
      [[undefined, triangle, 1], '`canvas` must be'],
      [[{ ...canvas, width: '2' }, triangle, 1], '`canvas.width` must be'],
      [[{ ...canvas, data: [0, 0, 0, 0] }, triangle, 1], '`canvas.data` must be'],
      [[{ ...canvas, data: new Uint8Array(3) }, triangle, 1], '`canvas.data` must have 4 elements'],
      [[canvas, 'x', 1], '`points` must be'],
      [[canvas, [0, 1, 2], 1], '`points` must be'],
      [[canvas, [0, '1'], 1], '`points[1]` must be'],
      [[canvas, [0, Number.NaN], 1], '`points[1]` must be'],
      [[canvas, [2 ** 23, 0], 1], '`points[0]` must be'],
      [[canvas, triangle, 256], '`value` must be'],
      [[canvas, triangle], '`value` must be'],
    ] as const) {
      expect(() => fill(...args)).toThrow(message)
    }
    expect([...canvas.data]).toEqual([0, 0, 0, 0])
    expect(() => parsePolygons(undefined as never)).toThrow('`text` must be the text of a JSON file')
    expect(() => drawPolygons(undefined as never)).toThrow('`annotation` must be')
  })
})
