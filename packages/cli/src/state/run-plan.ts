import { createHash } from 'node:crypto'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'

/** The value of a setting: what JSON holds without loss. */
export type Setting = string | number | boolean | null | readonly (string | number)[]

/** One of several runs that divide the images of a data set: those whose number is `index` modulo `count`. */
export interface Shard {
  /** From 0. */
  readonly index: number
  readonly count: number
}

/** All that the results of a run follow from. Runs of equal plans have equal results. */
export interface RunPlan {
  readonly command: 'eval' | 'metrics' | 'predict'
  /** The version of the program. */
  readonly program: string
  /** Options that change results, by the words that errors use. */
  readonly settings: Readonly<Record<string, Setting>>
  /** The names of all images, in order, also those of other shards. */
  readonly images: readonly string[]
  readonly shard?: Shard
}

/** Returns what tells a plan from all others. With `predict`, images may be added from run to run. */
export function idOfPlan({ command, program, settings, images, shard }: RunPlan): string {
  const named = command === 'predict' ? [] : images
  const content = [command, program, Object.entries(settings).sort(byFirst), named, shard]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

const byFirst = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1)

/** Returns the images of a shard, in order. */
export const imagesOfShard = <T>(images: readonly T[], shard: Shard | undefined): readonly T[] =>
  shard === undefined ? images : images.filter((_, i) => i % shard.count === shard.index)

/** Names the differences of two plans, such as `scales 0.5, 1, not 1`; empty for equal plans. */
export function differencesOf(ours: RunPlan, theirs: RunPlan): string[] {
  const names = new Set([...Object.keys(ours.settings), ...Object.keys(theirs.settings)])
  const pairs: [name: string, ours: string, theirs: string][] = [
    ['command', ours.command, theirs.command],
    ['version of inverseform', ours.program, theirs.program],
    ...[...names].map((name): [string, string, string] => [
      name,
      textOf(ours.settings[name]),
      textOf(theirs.settings[name]),
    ]),
    ['shard', shardText(ours.shard), shardText(theirs.shard)],
  ]
  const differing = pairs.filter(([, a, b]) => a !== b).map(([name, a, b]) => `${name} ${a}, not ${b}`)
  const images = ours.command === 'predict' ? [] : imageDifferences(ours.images, theirs.images)
  return [...differing, ...images]
}

function imageDifferences(ours: readonly string[], theirs: readonly string[]): string[] {
  const [a, b] = [new Set(ours), new Set(theirs)]
  const [more, fewer] = [ours.filter((name) => !b.has(name)), theirs.filter((name) => !a.has(name))]
  if (more.length === 0 && fewer.length === 0) {
    return ours.every((name, i) => name === theirs[i]) ? [] : ['the same images in another order']
  }
  return [
    ...(more.length > 0 ? [`${more.length} images that it does not have: ${listFew(more, 3)}`] : []),
    ...(fewer.length > 0 ? [`not ${fewer.length} of its images: ${listFew(fewer, 3)}`] : []),
  ]
}

const textOf = (setting: Setting | undefined): string =>
  Array.isArray(setting) ? setting.join(', ') : String(setting ?? 'none')

export const shardText = (shard: Shard | undefined): string =>
  shard === undefined ? 'none' : `${shard.index}/${shard.count}`

/** @throws InverseFormError `invalid-argument`, naming the differences, for a run that has another plan than the one in a folder */
export function checkSamePlan(ours: RunPlan, theirs: RunPlan, folder: string): void {
  const differences = differencesOf(ours, theirs)
  if (differences.length === 0) return
  throw new InverseFormError(
    'invalid-argument',
    `The run in ${folder} is another one. This one has ${differences.join('; ')}.`,
    {
      hint: 'Pass the options of that run to go on with it, or start anew with --restart or another --out.',
      details: { differences },
    },
  )
}

/** Reads a plan from JSON; undefined for anything else. */
export function parsePlan(json: Readonly<Record<string, unknown>>): RunPlan | undefined {
  const { command, program, settings, images, shard } = json
  const valid =
    typeof command === 'string' &&
    ['eval', 'metrics', 'predict'].includes(command) &&
    typeof program === 'string' &&
    isRecord(settings) &&
    Object.values(settings).every(isSetting) &&
    isTexts(images) &&
    new Set(images).size === images.length &&
    (shard === undefined || isShard(shard))
  if (!valid) return undefined
  return {
    command: command as RunPlan['command'],
    program,
    settings: settings as RunPlan['settings'],
    images,
    shard,
  }
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')

const isSetting = (value: unknown): value is Setting =>
  value === null ||
  ['string', 'number', 'boolean'].includes(typeof value) ||
  (Array.isArray(value) && value.every((each) => ['string', 'number'].includes(typeof each)))

function isShard(value: unknown): value is Shard {
  if (!isRecord(value)) return false
  const { index, count } = value as Partial<Shard>
  return Number.isSafeInteger(index) && Number.isSafeInteger(count) && index! >= 0 && index! < count!
}
