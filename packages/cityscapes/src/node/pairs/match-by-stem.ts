import { relative, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { byName, walkOutside } from '../files/folders.js'

/** Paths of a target and the prediction to compare with it. */
export interface FilePair {
  /** The common part of both names: city, sequence and frame, or the path without its suffix. */
  readonly name: string
  /** The target's label map. */
  readonly target: string
  /** The prediction's label map. */
  readonly prediction: string
}

const HINT = 'Pass the folders that hold the label maps, at any depth.'

export interface MatchByStemOptions {
  /** Folder of the targets' label maps. */
  readonly targets: string
  /** Folder of the predictions' label maps. */
  readonly predictions: string
  /** End of the targets' file names; other files are skipped. Defaults to `.png`. */
  readonly targetSuffix?: string
  /** End of the predictions' file names. Defaults to `.png`. */
  readonly predictionSuffix?: string
  /** A folder that is written to: files in it are skipped. */
  readonly out?: string
}

/**
 * Pairs the label maps of any data set whose paths within their folders are equal without the suffix. Skips linked
 * folders, names with a leading dot, and predictions without a target.
 *
 * @returns pairs sorted by name, with `/` between folders
 * @throws InverseFormError `not-found` for a missing folder or one without targets; `invalid-dataset`, naming all, for
 *   targets without a prediction; `invalid-argument` when `out` is one of the two folders
 */
export async function matchByStem({
  targets,
  predictions,
  targetSuffix = '.png',
  predictionSuffix = '.png',
  out,
}: MatchByStemOptions): Promise<FilePair[]> {
  const expected = byStem(await walkOutside(targets, out, HINT), targets, targetSuffix)
  if (expected.size === 0) {
    throw new InverseFormError('not-found', `${targets} holds no *${targetSuffix}.`, {
      hint: 'Pass the folder of the targets as `targets`, and the end of their file names as `targetSuffix`.',
      details: { targets, targetSuffix },
    })
  }
  const found = byStem(await walkOutside(predictions, out, HINT), predictions, predictionSuffix)
  const missing = [...expected.keys()].filter((name) => !found.has(name))
  if (missing.length > 0) {
    throw new InverseFormError(
      'invalid-dataset',
      `${missing.length} of ${expected.size} targets have no prediction in ${predictions}: ` +
        `${listFew(missing.map((name) => name + predictionSuffix))}.`,
      { hint: 'Give each prediction the path of its target, apart from the suffix.', details: { missing } },
    )
  }
  return [...expected].map(([name, target]) => ({ name, target, prediction: found.get(name)! }))
}

/** Maps the path within a folder, without the suffix, to the whole path, sorted. */
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
