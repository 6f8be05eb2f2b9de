import { relative, sep } from 'node:path'
import { checkArgument, checkFunction, InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { checkPath } from '@inverseform/shared/node'
import { baseName, byName, problemsText, walkOutside } from '../files/folders.js'

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
  /** End of the targets' file names, in upper or lower case; other files are skipped. Defaults to `.png`. */
  readonly targetSuffix?: string
  /** End of the predictions' file names, in upper or lower case. Defaults to `.png`. */
  readonly predictionSuffix?: string
  /** A folder that is written to: files in it are skipped. */
  readonly out?: string
  /** Called once with the predictions that have no target, if there are any. */
  readonly onUnmatched?: (predictions: readonly string[]) => void
}

/**
 * Pairs the label maps of any data set whose paths within their folders are equal without the suffix. Skips linked
 * folders, names with a leading dot, and predictions without a target.
 *
 * @returns pairs sorted by name, with `/` between folders
 * @throws InverseFormError `not-found` for a missing folder or one without targets; `invalid-dataset`, naming all, for
 *   targets without a prediction, and for two files of one name (`a.png` and `a.PNG`); `invalid-argument` when `out` is
 *   one of the two folders
 */
export async function matchByStem(options: MatchByStemOptions): Promise<FilePair[]> {
  checkArgument('options', options, typeof options === 'object' && options !== null, 'an object')
  const { targets, predictions, targetSuffix = '.png', predictionSuffix = '.png', out, onUnmatched } = options
  checkPath('targets', targets)
  checkPath('predictions', predictions)
  checkArgument('targetSuffix', targetSuffix, typeof targetSuffix === 'string', 'the end of file names')
  checkArgument(
    'predictionSuffix',
    predictionSuffix,
    typeof predictionSuffix === 'string',
    'the end of file names',
  )
  if (onUnmatched !== undefined) checkFunction('onUnmatched', onUnmatched)
  const targetFiles = await walkOutside(targets, out, HINT)
  const expected = byStem(targetFiles, targets, targetSuffix)
  if (expected.size === 0) {
    const found = targetFiles.map(baseName).sort(byName)
    throw new InverseFormError(
      'not-found',
      `${targets} holds no *${targetSuffix}; found ${listFew(found)}.`,
      {
        hint: 'Pass the folder of the targets as `targets`, and the end of their file names as `targetSuffix`.',
        details: { targets, targetSuffix },
      },
    )
  }
  const predictionFiles = await walkOutside(predictions, out, HINT)
  const found = byStem(predictionFiles, predictions, predictionSuffix)
  const missing = [...expected.keys()].filter((name) => !found.has(name))
  const doubled = [expected, found].flatMap((byName) =>
    [...byName.values()].filter((paths) => paths.length > 1).map((paths) => paths.join(' and ')),
  )
  const problems = problemsText([
    [
      `of ${expected.size} targets have no prediction in ${predictions}`,
      missing.map((name) => name + predictionSuffix),
    ],
    ['names belong to several files', doubled],
  ])
  if (problems !== undefined) {
    const suffixes =
      missing.length > 0
        ? suffixesOf(targetFiles, targets, targetSuffix, predictionFiles, predictions, predictionSuffix)
        : undefined
    throw new InverseFormError('invalid-dataset', problems, {
      hint:
        suffixes ??
        'Give each prediction the path of its target, apart from `targetSuffix` and `predictionSuffix`.',
      details: { missing, doubled },
    })
  }
  const unmatched = [...found].filter(([name]) => !expected.has(name)).map(([, [path]]) => path)
  if (unmatched.length > 0) onUnmatched?.(unmatched)
  return [...expected].map(([name, [target]]) => ({ name, target, prediction: found.get(name)![0] }))
}

/** Maps the path within a folder, without the suffix, to the whole paths, sorted. */
function byStem(paths: readonly string[], folder: string, suffix: string): Map<string, string[]> {
  const end = suffix.toLowerCase()
  const found = new Map<string, string[]>()
  for (const path of paths.toSorted(byName)) {
    if (!path.toLowerCase().endsWith(end)) continue
    const file = relative(folder, path)
    const name = file.slice(0, file.length - suffix.length).replaceAll(sep, '/')
    const same = found.get(name)
    if (same === undefined) found.set(name, [path])
    else same.push(path)
  }
  return new Map([...found].sort(([a], [b]) => byName(a, b)))
}

/** Ends of label maps in well-known data sets and tools. */
const knownSuffixes = [
  '_gtFine_labelIds.png',
  '_gtFine_labelTrainIds.png',
  '_gtCoarse_labelIds.png',
  '_labelIds.png',
  '_labelTrainIds.png',
  '_train_id.png',
  '_mask.png',
  '_seg.png',
  '_label.png',
  '_labels.png',
  '_gt.png',
  '_L.png',
  '_pred.png',
  '_prediction.png',
  '.png',
]

/** Returns a hint on the suffixes with which the most targets have a prediction; undefined if that is no target. */
function suffixesOf(
  targetFiles: readonly string[],
  targets: string,
  targetSuffix: string,
  predictionFiles: readonly string[],
  predictions: string,
  predictionSuffix: string,
): string | undefined {
  const stems = (files: readonly string[], folder: string, own: string) =>
    [...new Set([own, ...knownSuffixes])]
      .map((suffix) => ({ suffix, names: byStem(files, folder, suffix) }))
      .filter(({ names }) => names.size > 0)
  const ofTargets = stems(targetFiles, targets, targetSuffix)
  const ofPredictions = stems(predictionFiles, predictions, predictionSuffix)
  let best = { count: 0, target: targetSuffix, prediction: predictionSuffix }
  for (const target of ofTargets) {
    for (const prediction of ofPredictions) {
      const count = [...target.names.keys()].filter((name) => prediction.names.has(name)).length
      if (count > best.count) best = { count, target: target.suffix, prediction: prediction.suffix }
    }
  }
  const changes = [
    ...(best.target === targetSuffix ? [] : [`\`targetSuffix\` ${best.target}`]),
    ...(best.prediction === predictionSuffix ? [] : [`\`predictionSuffix\` ${best.prediction}`]),
  ]
  if (changes.length === 0) return undefined
  return `Pass ${changes.join(' and ')}: then ${best.count} targets have a prediction.`
}
