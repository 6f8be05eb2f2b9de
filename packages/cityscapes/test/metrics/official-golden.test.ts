import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import type { PixelLevelImage } from '../../src/metrics/official/pixel-level.js'
import { officialJson, officialResult } from '../../src/metrics/official/result.js'
import type { PixelLevelScores } from '../../src/metrics/official/scores.js'
import { officialMatrix, officialTables } from '../../src/metrics/official/tables.js'
import { matchPairs } from '../../src/node/pairs/match-pairs.js'
import { readInstanceIds, readLabelIds } from '../../src/node.js'
import { evaluationOf } from './official-images.js'

const folder = new URL('../fixtures/metrics/', import.meta.url)
const text = (file: string): string => readFileSync(new URL(file, folder), 'utf8')

let scores: PixelLevelScores

beforeAll(async () => {
  const pairs = await matchPairs({
    data: fileURLToPath(folder),
    predictions: fileURLToPath(new URL('results', folder)),
  })
  const images = pairs.map(async ({ name, target, prediction, instanceIds }): Promise<PixelLevelImage> => {
    const { data, width, height } = await readLabelIds(target)
    return {
      name,
      target: data,
      prediction: (await readLabelIds(prediction)).data,
      instanceIds: (await readInstanceIds(instanceIds!)).data,
      width,
      height,
    }
  })
  scores = evaluationOf(await Promise.all(images)).compute()
})

describe('the official evaluation of three small images', () => {
  it('writes the JSON file of the script, byte for byte', () => {
    expect(officialJson(scores)).toBe(text('official.json'))
  })

  it('prints the tables of the script, byte for byte', () => {
    expect(officialTables(scores)).toBe(text('official.txt'))
  })

  it('prints the confusion matrix of the script as a terminal shows it', () => {
    expect(officialMatrix(scores)).toBe(text('official-matrix.txt'))
  })

  it('has a form in valid JSON, with null for NaN', () => {
    const golden = JSON.parse(text('official.json').replaceAll('NaN', 'null'))
    const result = officialResult(scores)
    expect(JSON.parse(JSON.stringify(result))).toEqual(golden)
    expect(Object.keys(result)).toEqual(Object.keys(golden))
    expect(result.classScores.caravan).toBeNaN()
  })
})
