import type { Dirent } from 'node:fs'
import { join } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { baseName, byName, firstFew, list, problemsText } from './folders.js'
import type { ResultPair } from './match-by-stem.js'
import { walkOutside } from './walk-outside.js'

/** A pair of the official evaluation. */
export interface OfficialPair extends ResultPair {
  /** The truth's `*_gtFine_instanceIds.png`; undefined where instances were not asked for. */
  readonly instanceIds: string | undefined
}

export interface MatchPairsOptions {
  /**
   * The folder that holds `gtFine/`, or one that holds `*_gtFine_labelIds.png` itself or in folders of cities. Default:
   * the environment variable CITYSCAPES_DATASET.
   */
  readonly dataset?: string
  /** Folder in `gtFine/`. Default `val`, the only one the official script looks at. */
  readonly split?: string
  /**
   * The folder to search for predictions, at any depth. Default: the environment variable CITYSCAPES_RESULTS, else
   * `results` in the data set's folder.
   */
  readonly results?: string
  /** Whether every truth must have its instance ids. Default true. */
  readonly instances?: boolean
  /** A folder that is written to: what lies in it is no prediction. */
  readonly output?: string
}

const LABEL_IDS = '_gtFine_labelIds.png'
const INSTANCE_IDS = '_gtFine_instanceIds.png'
const PNG = '.png'

/**
 * Finds truths and predictions as the official evaluation does: the prediction of `<name>_gtFine_labelIds.png`, where
 * `<name>` is `<city>_<sequence>_<frame>`, is the one file `<name>*.png` in the results. Linked folders are not
 * followed in the results; files that belong to no truth are passed over.
 * Source: getPrediction of cityscapesscripts/evaluation/evalPixelLevelSemanticLabeling.py.
 *
 * @returns pairs sorted by the path of the truth
 * @throws InverseFormError `invalid-argument` for no data set, or an output that is the results folder; `not-found` for
 *   no truths or no results folder; `invalid-dataset`, naming all, for truths without a prediction or with several, predictions that are of several
 *   truths, and truths without instance ids
 */
export async function matchPairs({
  dataset,
  split = 'val',
  results,
  instances = true,
  output,
}: MatchPairsOptions = {}): Promise<OfficialPair[]> {
  const root = datasetFolder(dataset)
  const files = await truthFiles(root, split)
  const truths = files.filter((path) => path.endsWith(LABEL_IDS)).sort(byName)
  if (truths.length === 0)
    throw new InverseFormError(
      'not-found',
      `There is no *${LABEL_IDS} in ${join(root, 'gtFine', split, '<city>')}, ${join(root, '<city>')} or ${root}.`,
      {
        hint: 'Pass the folder that holds gtFine, one that holds folders of cities, or one of these.',
        details: { dataset: root, split },
      },
    )
  const predictions = await walkOutside(
    results || process.env.CITYSCAPES_RESULTS || join(root, 'results'),
    output,
    'Pass the folder of the predictions as results, or set the environment variable CITYSCAPES_RESULTS to it.',
  )
  const pairs = pairUp(truths, predictions)
  return instances
    ? withInstanceIds(pairs, new Set(files))
    : pairs.map((pair) => ({ ...pair, instanceIds: undefined }))
}

/**
 * Where the official evaluation writes its result: `resultPixelLevelSemanticLabeling.json` in the folder
 * CITYSCAPES_EXPORT_DIR, which must be there, else in `evaluationResults` of the data set, which may have to be made.
 *
 * @param options `dataset`: its folder. Default: the environment variable CITYSCAPES_DATASET
 * @throws InverseFormError `not-found` when CITYSCAPES_EXPORT_DIR is no folder; `invalid-argument` when neither it nor
 *   a data set is named
 */
export async function officialResultPath({ dataset }: { readonly dataset?: string } = {}): Promise<string> {
  const file = 'resultPixelLevelSemanticLabeling.json'
  const folder = process.env.CITYSCAPES_EXPORT_DIR
  if (!folder) return join(datasetFolder(dataset), 'evaluationResults', file)
  if ((await list(folder)) === undefined)
    throw new InverseFormError('not-found', `CITYSCAPES_EXPORT_DIR is ${folder}, which is no folder.`, {
      hint: 'Make the folder first, or unset CITYSCAPES_EXPORT_DIR.',
      details: { folder },
    })
  return join(folder, file)
}

function datasetFolder(dataset: string | undefined): string {
  const root = dataset || process.env.CITYSCAPES_DATASET
  if (root) return root
  throw new InverseFormError('invalid-argument', 'No data set was named.', {
    hint: 'Pass its folder, or set the environment variable CITYSCAPES_DATASET to it.',
  })
}

/** The files in the split's folder of cities, or else in the root itself and the folders in it. */
async function truthFiles(root: string, split: string): Promise<string[]> {
  const inSplit = await list(join(root, 'gtFine', split))
  const folder = inSplit === undefined ? root : join(root, 'gtFine', split)
  const entries = inSplit ?? (await list(root)) ?? []
  // A city may be a link to a folder, so what is not known to be a file is tried.
  const cities = paths(
    folder,
    entries.filter((entry) => !entry.isFile()),
  )
  const inCities = await Promise.all(cities.map(async (city) => paths(city, (await list(city)) ?? [])))
  return [...paths(folder, entries), ...inCities.flat()]
}

/** Names with a leading dot are left out: macOS puts `._*.png` beside every picture it copies to a foreign disk. */
const paths = (folder: string, entries: readonly Dirent[]): string[] =>
  entries.filter(({ name }) => !name.startsWith('.')).map(({ name }) => join(folder, name))

/** Gives each label map of the truth the one file whose name starts as its own. */
function pairUp(truths: readonly string[], files: readonly string[]): ResultPair[] {
  const predictions = new Map(truths.map((truth) => [truth, [] as string[]]))
  const truthsOf = new Map<string, string[]>()
  for (const truth of truths) truthsOf.set(nameOf(truth), [...(truthsOf.get(nameOf(truth)) ?? []), truth])
  const shared: string[] = []
  for (const file of files) {
    const name = baseName(file)
    if (!name.endsWith(PNG)) continue
    // Looking up each start of the name keeps this linear in the number of files.
    const owners: string[] = []
    for (let end = 1; end <= name.length - PNG.length; end++)
      owners.push(...(truthsOf.get(name.slice(0, end)) ?? []))
    for (const truth of owners) predictions.get(truth)!.push(file)
    if (owners.length > 1) shared.push(`${file} (of ${owners.map(baseName).join(' and ')})`)
  }
  const missing = truths.filter((truth) => predictions.get(truth)!.length === 0).map(nameOf)
  const several = [...predictions]
    .filter(([, found]) => found.length > 1)
    .map(([truth, found]) => `${nameOf(truth)} (${found.join(' and ')})`)
  const problems = problemsText([
    [`of ${truths.length} truths have no prediction`, missing.map((name) => `${name}*${PNG}`)],
    [`of ${truths.length} truths have several predictions`, several],
    [`of ${files.length} files belong to several truths`, shared],
  ])
  if (problems !== undefined)
    throw new InverseFormError('invalid-dataset', problems, {
      hint: 'Put one map of label ids per truth into the results folder, named <city>_<sequence>_<frame>*.png, and pictures for viewing elsewhere.',
      details: { missing, several, shared },
    })
  return truths.map((truth) => ({ name: nameOf(truth), truth, prediction: predictions.get(truth)![0]! }))
}

const nameOf = (truth: string): string => baseName(truth).slice(0, -LABEL_IDS.length)

function withInstanceIds(pairs: readonly ResultPair[], files: ReadonlySet<string>): OfficialPair[] {
  const all = pairs.map((pair) => ({
    ...pair,
    instanceIds: pair.truth.slice(0, -LABEL_IDS.length) + INSTANCE_IDS,
  }))
  const missing = all.map(({ instanceIds }) => instanceIds).filter((path) => !files.has(path))
  if (missing.length > 0)
    throw new InverseFormError(
      'invalid-dataset',
      `${missing.length} of ${pairs.length} truths have no instance ids: looked for ${firstFew(missing)}.`,
      {
        hint: 'Add these files of gtFine_trainvaltest.zip, or go without instance-level scores by { instances: false }.',
        details: { missing },
      },
    )
  return all
}
