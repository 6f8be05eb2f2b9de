import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { differencesOf, imagesOfShard, type RunPlan, shardText } from './run-plan.js'
import type { DoneImage } from './run-state.js'

/** The most missing shards that are named. */
const FEW = 5

/** What the folder of a shard has. */
export interface ShardFolder {
  readonly folder: string
  readonly plan: RunPlan
  /** The images that are done. */
  readonly done: readonly DoneImage[]
}

/**
 * Checks that runs are the shards of one run: with equal plans, each shard once, and each image done once.
 * @throws InverseFormError `invalid-argument` for shards that do not fit together; `invalid-dataset` for missing images
 */
export function checkComplete(shards: readonly ShardFolder[]): void {
  const [first, ...others] = shards
  for (const other of others) checkSameRun(first, other)
  const { shard: { count } = { count: 1 } } = first.plan
  const folders = new Map<number, string>()
  for (const { folder, plan } of shards) {
    const { index } = plan.shard ?? { index: 0 }
    const before = folders.get(index)
    if (before !== undefined) {
      throw invalid(`${before} and ${folder} are both shard ${index}/${count}.`, 'Pass each shard once.')
    }
    folders.set(index, folder)
  }
  // A state may claim any number of shards: no list of them all is made.
  const missing: string[] = []
  for (let index = 0; index < count && missing.length < FEW; index++) {
    if (!folders.has(index)) missing.push(shardText({ index, count }))
  }
  if (missing.length > 0) {
    const named = listFew(missing, FEW, count - folders.size)
    throw invalid(`Shards are missing: ${named}.`, 'Pass the folders of all shards.')
  }
  for (const shard of shards) checkDone(shard)
}

function checkSameRun(first: ShardFolder, other: ShardFolder): void {
  const { count: ours } = first.plan.shard ?? { count: 1 }
  const { count: theirs } = other.plan.shard ?? { count: 1 }
  const sameShard = { ...other.plan, shard: first.plan.shard }
  const differences = [
    ...(ours === theirs ? [] : [`${theirs} shards, not ${ours}`]),
    ...differencesOf(sameShard, first.plan),
  ]
  if (differences.length === 0) return
  throw invalid(
    `${other.folder} is not of the run in ${first.folder}. It has ${differences.join('; ')}.`,
    'Merge shards of one run: the same checkpoint, data, options and version.',
  )
}

/** Throws unless the images of a shard are done, each once, and no others. */
function checkDone({ folder, plan, done }: ShardFolder): void {
  const expected = imagesOfShard(plan.images, plan.shard)
  const names = done.map(({ name }) => name)
  const found = new Set(names)
  const known = new Set(expected)
  const missing = expected.filter((name) => !found.has(name))
  if (missing.length > 0) {
    throw new InverseFormError(
      'invalid-dataset',
      `${folder} is unfinished: ${missing.length} of its ${expected.length} images are not done: ${listFew(missing, 3)}.`,
      {
        hint: 'Run eval again with the same options, --resume and that folder as --out.',
        details: { missing },
      },
    )
  }
  const foreign = names.filter((name) => !known.has(name))
  if (foreign.length > 0) {
    throw invalid(
      `${folder} has images of another shard: ${listFew(foreign, 3)}.`,
      'Run that shard again with --restart.',
    )
  }
  if (found.size < names.length) {
    const twice = names.filter((name, i) => names.indexOf(name) < i)
    throw invalid(
      `${folder} counts images twice: ${listFew(twice, 3)}.`,
      'Run that shard again with --restart.',
    )
  }
}

const invalid = (message: string, hint: string): InverseFormError =>
  new InverseFormError('invalid-argument', message, { hint })
