import type { Scores } from './score.js'

/** Scores of two networks of one seed: trained without and with the InverseForm term. */
export interface Pair {
  readonly seed: number
  readonly without: Scores
  readonly with: Scores
}

/** The names of the scores in the head of a table, where a name goes on from the one before, and in full. */
export const scoreNames: readonly (readonly [name: string, key: keyof Scores, fullName: string])[] = [
  ['mIoU', 'meanIou', 'mIoU'],
  ['boundary F, 1 px', 'boundaryF1', 'boundary F, 1 px'],
  ['3 px', 'boundaryF3', 'boundary F, 3 px'],
  ['5 px', 'boundaryF5', 'boundary F, 5 px'],
  ['edge head F, at 0.5', 'edgeF', 'edge head F, at 0.5'],
  ['at best', 'bestEdgeF', 'edge head F, at best'],
]

export const percent = (value: number): string => (100 * value).toFixed(2)

/** Returns the scores of two networks for a terminal: a line each, below 80 columns. */
export function scoreText(without: Scores, withTerm: Scores): string {
  const row = (name: string, values: readonly string[]) =>
    name.padEnd(24) + values.map((value) => value.padStart(14)).join('')
  return [
    row('', ['without term', 'with term', 'difference']),
    ...scoreNames.map(([, key, name]) => {
      const values = [without[key], withTerm[key], withTerm[key] - without[key]]
      return row(name, values.map(percent))
    }),
  ].join('\n')
}

/** Returns a Markdown table of each seed's scores in percent, their mean and spread, and those of the paired differences. */
export function comparison(pairs: readonly Pair[]): string {
  const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const scores = (seed: string, term: string, value: (key: keyof Scores) => string) =>
    row(seed, term, ...scoreNames.map(([, key]) => value(key)))
  const lines = [
    row('seed', 'term', ...scoreNames.map(([name]) => name)),
    row('---', '---', ...scoreNames.map(() => '---:')),
    ...pairs.flatMap((pair) => [
      scores(`${pair.seed}`, 'without', (key) => percent(pair.without[key])),
      scores(`${pair.seed}`, 'with', (key) => percent(pair.with[key])),
    ]),
    scores('all', 'without', (key) => spread(pairs.map((pair) => pair.without[key]))),
    scores('all', 'with', (key) => spread(pairs.map((pair) => pair.with[key]))),
    scores('all', 'difference', (key) => spread(pairs.map((pair) => pair.with[key] - pair.without[key]))),
  ]
  return `${lines.join('\n')}\n`
}

/** Returns mean ± standard deviation, of the sample and not of its mean. */
function spread(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const deviation = values.length > 1 ? percent(Math.sqrt(squares / (values.length - 1))) : '–'
  return `${percent(mean)} ± ${deviation}`
}
