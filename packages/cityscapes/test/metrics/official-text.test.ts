import { describe, expect, it } from 'vitest'
import { pythonFixed, pythonRepr } from '../../src/metrics/official/python-numbers.js'
import { officialJson } from '../../src/metrics/official/result.js'
import { officialMatrix, officialTables } from '../../src/metrics/official/tables.js'
import { evaluationOf, row } from './official-images.js'

describe("Python's numbers", () => {
  it('are written like repr and json.dumps of Python 3.11', () => {
    for (const [value, written] of [
      [0, '0.0'],
      [1, '1.0'],
      [0.0001, '0.0001'],
      [0.00012345, '0.00012345'],
      [0.00009999, '9.999e-05'],
      [0.00001, '1e-05'],
      [0.000015, '1.5e-05'],
      [2 ** -22, '2.384185791015625e-07'],
      [1e-7, '1e-07'],
      [1.25e-10, '1.25e-10'],
      [3.3e-105, '3.3e-105'],
      [1 / 3, '0.3333333333333333'],
      [2 / 3, '0.6666666666666666'],
      [NaN, 'NaN'],
    ] as const) {
      expect(pythonRepr(value)).toBe(written)
    }
  })

  it('are rounded like format of Python 3.11, ties to even', () => {
    for (const [value, digits, written] of [
      [0.0625, 3, '0.062'],
      [0.1875, 3, '0.188'],
      [0.3125, 3, '0.312'],
      [0.9375, 3, '0.938'],
      [0.125, 2, ' 0.12'],
      [0.375, 2, ' 0.38'],
      [0.625, 2, ' 0.62'],
      [0.03125, 4, '0.0312'],
      [0.09375, 4, '0.0938'],
      [0.0005, 3, '0.001'],
      [0.9995, 3, '1.000'],
      [0.015, 2, ' 0.01'],
      [0.995, 2, ' 0.99'],
      [1, 3, '1.000'],
      [0, 3, '0.000'],
      [1e-9, 4, '0.0000'],
      [NaN, 3, '  nan'],
    ] as const) {
      expect(pythonFixed(value, digits, 5)).toBe(written)
    }
  })
})

describe('the printed text', () => {
  // A sixteenth of the road is predicted correctly.
  const sixteenth = evaluationOf([
    row([7, 7], ...Array.from({ length: 15 }, () => [7, 8] as const)),
  ]).compute()

  it('rounds ties like the script', () => {
    expect(officialTables(sixteenth)).toContain('\nroad          : 0.062      nan\n')
    expect(officialMatrix(sixteenth)).toMatch(/\n {9}road \|.* 0\.06 {3}0\.94 .* 1\.0000\n/)
  })

  it('writes integer scores as 1.0, and numbers of pixels and labels as integers', () => {
    const lines = officialJson(sixteenth).split('\n')
    expect(lines).toContain('        "road": 1.0,')
    expect(lines).toContain('        "road": 7,')
    expect(lines).toContain('            15,')
    expect(lines).toContain('        "road": 0.0625,')
  })

  it('omits matrix rows of labels that are not in the target, and cuts names at 13 letters', () => {
    const rows = officialMatrix(evaluationOf([row([2, 7], [7, 7])]).compute()).split('\n')
    expect(rows.slice(3, -2).map((line) => line.slice(0, 15))).toEqual(['rectification |', '         road |'])
  })
})
