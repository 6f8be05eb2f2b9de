import type { ReportFacts, Rgb } from '@inverseform/cityscapes'
import { timeText } from '../output/evaluation/text.js'
import { isRecord, isTexts, type Shard, shardText } from '../state/run-plan.js'
import type { TotalSeconds } from './evaluation.js'

/** What the reports of an evaluation say about it, beside its results. */
export interface RunFacts {
  readonly title: string
  /** The names of the classes. */
  readonly names: readonly string[]
  /** The colors of the classes, if the data set has some of its own. */
  readonly palette?: readonly Rgb[]
  readonly model: string
  readonly checkpoint: string
  readonly data: string
  /** The split of Cityscapes; undefined for plain folders. */
  readonly split?: string
  /** Images in the data set. */
  readonly total: number
  readonly edgeHead: boolean
  readonly scales: string
  readonly flip: boolean
  readonly device: string
  readonly workers: number
}

/** Returns the facts in the order in which reports show them. */
export function factsOf(
  facts: RunFacts,
  images: number,
  seconds: TotalSeconds,
  shard: Shard | undefined,
): ReportFacts {
  const { split } = facts
  const count = `${images} of ${facts.total} images${shard === undefined ? '' : `, shard ${shardText(shard)}`}`
  return [
    ['model', facts.model],
    ['checkpoint', facts.checkpoint],
    ['data set', facts.data],
    [split === undefined ? 'images' : 'split', split === undefined ? count : `${split}, ${count}`],
    ['edge head', facts.edgeHead ? 'yes' : 'no'],
    ['scales', facts.scales],
    ['flip', facts.flip ? 'yes' : 'no'],
    ['device', facts.device],
    ['time', timeText(seconds, facts.workers)],
  ]
}

/** Reads facts from JSON; undefined for anything else. */
export function parseFacts(json: Readonly<Record<string, unknown>>): RunFacts | undefined {
  const texts = [json.title, json.model, json.checkpoint, json.data, json.scales, json.device]
  const { names, palette, split, total, workers, edgeHead, flip } = json
  const valid =
    isTexts(texts) &&
    isTexts(names) &&
    (palette === undefined || isPalette(palette, names.length)) &&
    (split === undefined || typeof split === 'string') &&
    [total, workers].every(Number.isSafeInteger) &&
    [edgeHead, flip].every((value) => typeof value === 'boolean')
  return valid && isRecord(json) ? (json as unknown as RunFacts) : undefined
}

const isPalette = (value: unknown, classes: number): boolean =>
  Array.isArray(value) &&
  value.length === classes &&
  value.every((color) => Array.isArray(color) && color.length === 3 && color.every(isByte))

const isByte = (value: unknown) =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255
