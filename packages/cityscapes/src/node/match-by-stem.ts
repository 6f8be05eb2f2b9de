import { relative, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { byName, firstFew } from './folders.js'
import { walkOutside } from './walk-outside.js'

/** A truth and the prediction to judge by it, as paths. */
export interface ResultPair {
  /** What both have in common: city, sequence and frame, or the path less its suffix. */
  readonly name: string
  /** The label map of the truth. */
  readonly truth: string
  /** The label map of the prediction. */
  readonly prediction: string
}

const HINT = 'Pass the folders that hold the label maps, at any depth.'

export interface MatchByStemOptions {
  /** Folder of the truths' label maps. */
  readonly truth: string
  /** Folder of the predictions' label maps. */
  readonly predictions: string
  /** What the truths' file names end in; other files are passed over. Default `.png`. */
  readonly truthSuffix?: string
  /** What stands in its place in the predictions' file names. Default `.png`. */
  readonly predictionSuffix?: string
  /** A folder that is written to: what lies in it is left out of both. */
  readonly output?: string
}

/**
 * Pairs the label maps of any data set: those whose path within their folder, less the suffix, is the same. Linked
 * folders and names with a leading dot are passed over, and so are predictions without a truth.
 *
 * @returns pairs sorted by name, which has `/` between folders
 * @throws InverseFormError `not-found` for a missing folder or one without truths; `invalid-dataset` for truths
 *   without a prediction, naming all; `invalid-argument` for an output that is one of the two folders
 */
export async function matchByStem({
  truth,
  predictions,
  truthSuffix = '.png',
  predictionSuffix = '.png',
  output,
}: MatchByStemOptions): Promise<ResultPair[]> {
  const truths = byStem(await walkOutside(truth, output, HINT), truth, truthSuffix)
  if (truths.size === 0)
    throw new InverseFormError('not-found', `${truth} holds no *${truthSuffix}.`, {
      hint: 'Pass the folder of the truths, and as truthSuffix what their names end in.',
      details: { truth, truthSuffix },
    })
  const found = byStem(await walkOutside(predictions, output, HINT), predictions, predictionSuffix)
  const missing = [...truths.keys()].filter((name) => !found.has(name))
  if (missing.length > 0)
    throw new InverseFormError(
      'invalid-dataset',
      `${missing.length} of ${truths.size} truths have no prediction in ${predictions}: ` +
        `${firstFew(missing.map((name) => name + predictionSuffix))}.`,
      { hint: 'Give every prediction the path of its truth, less the suffix.', details: { missing } },
    )
  return [...truths].map(([name, path]) => ({ name, truth: path, prediction: found.get(name)! }))
}

/** Paths by what they have within a folder, less the suffix, sorted by it. */
function byStem(paths: readonly string[], folder: string, suffix: string): Map<string, string> {
  return new Map(
    paths
      .filter((path) => path.endsWith(suffix))
      .map((path) => {
        const file = relative(folder, path)
        return [file.slice(0, file.length - suffix.length).replaceAll(sep, '/'), path] as const
      })
      .sort(([a], [b]) => byName(a, b)),
  )
}
