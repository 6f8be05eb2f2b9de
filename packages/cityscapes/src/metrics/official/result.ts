import { pythonRepr } from './python-numbers.js'
import type { PixelLevelScores } from './scores.js'

/**
 * The content of `resultPixelLevelSemanticLabeling.json`, under the script's keys. `JSON.stringify` writes it as valid
 * JSON, null standing for NaN; {@link officialJson} writes the script's own bytes.
 */
export interface OfficialResult {
  readonly averageScoreCategories: number
  readonly averageScoreClasses: number
  readonly averageScoreInstCategories: number
  readonly averageScoreInstClasses: number
  /** By category name; fractions in 0..1, or NaN, as all scores here. */
  readonly categoryInstScores: Readonly<Record<string, number>>
  readonly categoryScores: Readonly<Record<string, number>>
  /** By label name. */
  readonly classInstScores: Readonly<Record<string, number>>
  readonly classScores: Readonly<Record<string, number>>
  /** 34 rows (truth) of 34 numbers of pixels, by label id. */
  readonly confMatrix: readonly (readonly number[])[]
  /** Label ids by label name. */
  readonly labels: Readonly<Record<string, number>>
  /** Shares of the pixels by label name. */
  readonly priors: Readonly<Record<string, number>>
}

/** Scores under the keys of the official script's JSON file, in its order, which is that of the alphabet. */
export function officialResult(scores: PixelLevelScores): OfficialResult {
  const { categories, labels } = scores
  return {
    averageScoreCategories: scores.meanCategoryIou,
    averageScoreClasses: scores.meanIou,
    averageScoreInstCategories: scores.meanCategoryInstanceIou,
    averageScoreInstClasses: scores.meanInstanceIou,
    categoryInstScores: byName(categories, ({ instanceIou }) => instanceIou),
    categoryScores: byName(categories, ({ iou }) => iou),
    classInstScores: byName(labels, ({ instanceIou }) => instanceIou),
    classScores: byName(labels, ({ iou }) => iou),
    confMatrix: scores.confusion,
    labels: byName(labels, ({ id }) => id),
    priors: byName(labels, ({ prior }) => prior),
  }
}

function byName<T extends { readonly name: string }>(
  items: readonly T[],
  value: (item: T) => number,
): Record<string, number> {
  const sorted = [...items].sort((a, b) => (a.name < b.name ? -1 : 1))
  return Object.fromEntries(sorted.map((item) => [item.name, value(item)]))
}

/** The keys whose numbers are whole in Python, which writes them without a point. */
const WHOLE = new Set(['confMatrix', 'labels'])

/**
 * The text of the official script's JSON file, byte for byte (four spaces of indentation, one number a line, no line
 * end at the end). It is Python's JSON: scores that do not exist are the bare word `NaN`, which `JSON.parse` refuses.
 * For valid JSON, stringify {@link officialResult}.
 */
export function officialJson(scores: PixelLevelScores): string {
  return write(officialResult(scores), pythonRepr, '\n')
}

function write(value: unknown, number: (value: number) => string, newline: string): string {
  if (typeof value === 'number') return number(value)
  const inner = `${newline}    `
  if (Array.isArray(value))
    return `[${inner}${value.map((item) => write(item, number, inner)).join(`,${inner}`)}${newline}]`
  const entries = Object.entries(value as object).map(
    ([key, item]) => `"${key}": ${write(item, WHOLE.has(key) ? String : number, inner)}`,
  )
  return `{${inner}${entries.join(`,${inner}`)}${newline}}`
}
