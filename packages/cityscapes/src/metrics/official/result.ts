import { pythonRepr } from './python-numbers.js'
import type { PixelLevelScores } from './scores.js'

/**
 * The content of `resultPixelLevelSemanticLabeling.json` under the script's keys. `JSON.stringify` writes valid JSON with
 * null for NaN; {@link officialJson} writes the script's own bytes.
 */
export interface OfficialResult {
  readonly averageScoreCategories: number
  readonly averageScoreClasses: number
  readonly averageScoreInstCategories: number
  readonly averageScoreInstClasses: number
  /** By category name. All scores are fractions in 0..1, or NaN. */
  readonly categoryInstScores: Readonly<Record<string, number>>
  readonly categoryScores: Readonly<Record<string, number>>
  /** By label name. */
  readonly classInstScores: Readonly<Record<string, number>>
  readonly classScores: Readonly<Record<string, number>>
  /** 34 rows (target) of 34 numbers of pixels, by label id. */
  readonly confMatrix: readonly (readonly number[])[]
  /** Label ids by label name. */
  readonly labels: Readonly<Record<string, number>>
  /** Fractions of the pixels by label name. */
  readonly priors: Readonly<Record<string, number>>
}

/** Returns scores under the keys of the official script's JSON file, in its alphabetical order. */
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

/** The keys whose numbers are integers in Python, which writes them without a decimal point. */
const INTEGERS = new Set(['confMatrix', 'labels'])

/**
 * Returns the text of the official script's JSON file: four spaces of indentation, one number per line as Python writes it, no
 * newline at the end. Instance-level scores may differ in the last digits, because ours do not depend on the order of images.
 * It is Python's JSON: undefined scores are the bare word `NaN`, which `JSON.parse` rejects. For valid JSON, stringify
 * {@link officialResult}.
 */
export function officialJson(scores: PixelLevelScores): string {
  return write(officialResult(scores), pythonRepr, '\n')
}

function write(value: unknown, number: (value: number) => string, newline: string): string {
  if (typeof value === 'number') return number(value)
  const inner = `${newline}    `
  if (Array.isArray(value)) {
    return `[${inner}${value.map((item) => write(item, number, inner)).join(`,${inner}`)}${newline}]`
  }
  const entries = Object.entries(value as object).map(
    ([key, item]) => `"${key}": ${write(item, INTEGERS.has(key) ? String : number, inner)}`,
  )
  return `{${inner}${entries.join(`,${inner}`)}${newline}}`
}
