import type { Dirent } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { checkArgument, checkBoolean, checkOneOf, InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { checkPath } from '@inverseform/shared/node'
import { baseName, byName, dataFolder, list, problemsText, walkOutside } from '../files/folders.js'
import { type AnnotationType, annotationType, contentsOf, findSplit, otherType } from '../files/layout.js'
import type { FilePair } from './match-by-stem.js'

/** Files of one image for the official evaluation. */
export interface OfficialPair extends FilePair {
  /** The target's `*_gtFine_instanceIds.png`; undefined with `instances: false`. */
  readonly instanceIds: string | undefined
}

export interface MatchPairsOptions {
  /**
   * The folder with `gtFine/` or `gtFine_trainvaltest/gtFine/`, or one with `*_gtFine_labelIds.png` files, directly or
   * in folders of cities. Defaults to the environment variable CITYSCAPES_DATASET.
   */
  readonly data?: string
  /** Folder in `gtFine/`. Defaults to `val`, the only one that the official script reads. */
  readonly split?: string
  /** Fine or coarse annotations. Defaults to `gtFine`; to `gtCoarse` for `train_extra`, which has no others. */
  readonly type?: AnnotationType
  /**
   * The folder to search for predictions, at any depth. Defaults to the environment variable CITYSCAPES_RESULTS, or
   * else to `results` in the folder of the data set.
   */
  readonly predictions?: string
  /** Whether every target must have instance ids. Defaults to true. */
  readonly instances?: boolean
  /** A folder that is written to: files in it are skipped. */
  readonly out?: string
}

const PNG = '.png'

/**
 * Finds targets and predictions as the official evaluation does. The prediction of `<name>_gtFine_labelIds.png`, where
 * `<name>` is `<city>_<sequence>_<frame>`, is the only file `<name>*.png` in the folder of predictions. Does not follow
 * linked folders of predictions, and skips files that match no target. Targets of one name in several cities take the
 * prediction in the folder of their city; their pairs are named `<city>/<name>`.
 * Source: getPrediction of cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py.
 *
 * @returns pairs sorted by the path of the target
 * @throws InverseFormError `invalid-argument` without a data set, or when `out` is the folder of predictions;
 *   `not-found` without targets or the folder of predictions; `invalid-dataset`, naming all, for targets without a
 *   prediction or with several, predictions that match several targets, and targets without instance ids
 */
export async function matchPairs(options: MatchPairsOptions = {}): Promise<OfficialPair[]> {
  checkArgument('options', options, typeof options === 'object' && options !== null, 'an object')
  const { data, split = 'val', predictions, instances = true, out } = options
  checkPath('split', split)
  const { type = annotationType(split) } = options
  checkOneOf('type', type, ['gtFine', 'gtCoarse'])
  checkBoolean('instances', instances)
  const root = dataFolder(data)
  const end = `_${type}_labelIds.png`
  const files = await targetFiles(root, type, split, end)
  const targets = files.filter((path) => path.endsWith(end)).sort(byName)
  if (targets.length === 0) {
    throw new InverseFormError(
      'not-found',
      `No *${end} was found in ${join(root, type, split, '<city>')}, ${join(root, `${type}*`, type, split, '<city>')}, ` +
        `${join(root, '<city>')} or ${root}; ${await contentsOf(root)}.`,
      {
        hint:
          `Pass the folder that holds ${type}, one that holds folders of cities, or the folder of one city. For label ` +
          'maps with other names, use `matchByStem`, with `targetSuffix` and `predictionSuffix` where the ends differ.' +
          (await otherType(root, type)),
        details: { data: root, split, type },
      },
    )
  }
  const found = await walkOutside(
    predictions || process.env.CITYSCAPES_RESULTS || join(root, 'results'),
    out,
    'Pass the folder of the predictions as `predictions`, or set the environment variable CITYSCAPES_RESULTS to it.',
  )
  const pairs = pairUp(targets, found, end)
  return instances
    ? withInstanceIds(pairs, new Set(files), type)
    : pairs.map((pair) => ({ ...pair, instanceIds: undefined }))
}

/**
 * Returns where the official evaluation writes its result: `resultPixelLevelSemanticLabeling.json` in the existing
 * folder CITYSCAPES_EXPORT_DIR, or else in `evaluationResults` of the data set, which may not exist yet.
 *
 * @param options `data`: the folder of the data set. Defaults to the environment variable CITYSCAPES_DATASET
 * @throws InverseFormError `not-found` when CITYSCAPES_EXPORT_DIR is not a folder; `invalid-argument` when neither it
 *   nor a data set is given
 */
export async function officialResultPath({ data }: { readonly data?: string } = {}): Promise<string> {
  const file = 'resultPixelLevelSemanticLabeling.json'
  const folder = process.env.CITYSCAPES_EXPORT_DIR
  if (!folder) return join(dataFolder(data), 'evaluationResults', file)
  if ((await list(folder)) === undefined) {
    throw new InverseFormError('not-found', `CITYSCAPES_EXPORT_DIR is ${folder}, which is not a folder.`, {
      hint: 'Create the folder first, or unset CITYSCAPES_EXPORT_DIR.',
      details: { folder },
    })
  }
  return join(folder, file)
}

/** Lists the files in the folder of the split, or else in the root, and in the folders of cities there. */
async function targetFiles(
  root: string,
  type: AnnotationType,
  split: string,
  end: string,
): Promise<string[]> {
  const below = await filesAndCities(join(root, type, split))
  if (below !== undefined) return below
  // Not the folder of a data set: label maps beside it are not meant.
  const direct = (await filesAndCities(root)) ?? []
  if (direct.some((path) => path.endsWith(end))) return direct
  const folder = await findSplit(root, type, split)
  return (folder === undefined ? undefined : await filesAndCities(folder)) ?? direct
}

/** Lists the files in a folder and in the folders in it; undefined for a missing folder. */
async function filesAndCities(folder: string): Promise<string[] | undefined> {
  const entries = await list(folder)
  if (entries === undefined) return undefined
  // A city may be a link to a folder, so every entry that is not a file is listed.
  const cities = paths(
    folder,
    entries.filter((entry) => !entry.isFile()),
  )
  const inCities = await Promise.all(cities.map(async (city) => paths(city, (await list(city)) ?? [])))
  return [...paths(folder, entries), ...inCities.flat()]
}

/** Skips names with a leading dot: macOS writes `._*.png` next to each image it copies to a foreign disk. */
const paths = (folder: string, entries: readonly Dirent[]): string[] =>
  entries.filter(({ name }) => !name.startsWith('.')).map(({ name }) => join(folder, name))

/** Gives each label map of the target the one file whose name starts as its own. */
function pairUp(targets: readonly string[], files: readonly string[], end: string): FilePair[] {
  const nameOf = (target: string): string => baseName(target).slice(0, -end.length)
  const predictions = new Map(targets.map((target) => [target, [] as string[]]))
  const targetsOf = new Map<string, string[]>()
  for (const target of targets) {
    const same = targetsOf.get(nameOf(target))
    if (same === undefined) targetsOf.set(nameOf(target), [target])
    else same.push(target)
  }
  const cityName = (target: string): string => `${cityOf(target)}/${nameOf(target)}`
  const nameOfPair = (target: string): string =>
    targetsOf.get(nameOf(target))!.length > 1 ? cityName(target) : nameOf(target)
  const shared: string[] = []
  for (const file of files) {
    const name = baseName(file)
    if (!name.endsWith(PNG)) continue
    // Looking up each start of the name keeps this linear in the number of files.
    const owners: string[] = []
    for (let length = 1; length <= name.length - PNG.length; length++) {
      const same = targetsOf.get(name.slice(0, length)) ?? []
      const inCity = same.filter((target) => cityOf(target) === cityOf(file))
      owners.push(...(same.length > 1 && inCity.length > 0 ? inCity : same))
    }
    for (const target of owners) predictions.get(target)!.push(file)
    if (owners.length > 1) {
      const isOneName = new Set(owners.map(baseName)).size < owners.length
      shared.push(`${file} (of ${owners.map(isOneName ? cityName : baseName).join(' and ')})`)
    }
  }
  const missing = targets.filter((target) => predictions.get(target)!.length === 0).map(nameOfPair)
  const several = [...predictions]
    .filter(([, found]) => found.length > 1)
    .map(([target, found]) => `${nameOfPair(target)} (${found.join(' and ')})`)
  const problems = problemsText([
    [`of ${targets.length} targets have no prediction`, missing.map((name) => `${name}*${PNG}`)],
    [`of ${targets.length} targets have several predictions`, several],
    [`of ${files.length} files belong to several targets`, shared],
  ])
  if (problems !== undefined) {
    throw new InverseFormError('invalid-dataset', problems, {
      hint:
        'Keep one map of label ids per target in the folder of predictions, named <city>_<sequence>_<frame>*.png, and ' +
        'images for viewing elsewhere. Targets of one name in several cities need predictions in folders of cities.',
      details: { missing, several, shared },
    })
  }
  return targets.map((target) => ({
    name: nameOfPair(target),
    target,
    prediction: predictions.get(target)![0],
  }))
}

const cityOf = (path: string): string => basename(dirname(path))

function withInstanceIds(
  pairs: readonly FilePair[],
  files: ReadonlySet<string>,
  type: AnnotationType,
): OfficialPair[] {
  const all = pairs.map((pair) => ({
    ...pair,
    instanceIds: pair.target.slice(0, -'labelIds.png'.length) + 'instanceIds.png',
  }))
  const missing = all.map(({ instanceIds }) => instanceIds).filter((path) => !files.has(path))
  if (missing.length > 0) {
    const archive = type === 'gtFine' ? 'gtFine_trainvaltest.zip' : 'gtCoarse.zip'
    throw new InverseFormError(
      'invalid-dataset',
      `${missing.length} of ${pairs.length} targets have no instance ids: looked for ${listFew(missing)}.`,
      {
        hint: `Add these files of ${archive}, or pass { instances: false } to omit instance-level scores.`,
        details: { missing },
      },
    )
  }
  return all
}
