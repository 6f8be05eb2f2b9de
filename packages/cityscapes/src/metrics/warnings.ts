/** Why a score says little. It belongs beside the score wherever that is shown. */
export interface ScoreWarning {
  /**
   * - `mask`: the maps hold only 0 and the ignore index, as masks of 0 and 255 do
   * - `unknown-ids`: more than 5 % of the scored pixels are predicted as ids that no class has
   * - `mostly-ignored`: more than 90 % of the pixels are ignored
   */
  readonly code: 'mask' | 'unknown-ids' | 'mostly-ignored'
  /** A sentence, or two. */
  readonly message: string
  /** The share of the pixels that the warning is about, 0..1. */
  readonly share: number
}

/** Networks predict classes only. Some that know void predict it along borders, in fewer pixels than this share. */
const MOST_UNKNOWN = 0.05
/** About a tenth of Cityscapes' pixels is ignored; with 10 times as many, the rest says little about the images. */
const MOST_IGNORED = 0.9

const MOST_LISTED = 5

/** What is known of the ids in targets and predictions, in pixels. */
export interface IdPixels {
  /** Pixels whose target is a class that is scored. */
  readonly scored: number
  /** Pixels whose target is ignored; NaN if unknown. */
  readonly ignored: number
  /** What the target of ignored pixels is, such as `255`. */
  readonly ignoredAs: string
  /** Scored pixels by the id they are predicted as, for ids that no class has. */
  readonly unknown: ReadonlyMap<number, number>
  /** What the ids are, such as `ids`. */
  readonly idsAre: string
}

/** Returns warnings about ids that no class has and about ignored pixels. */
export function idWarnings({ scored, ignored, ignoredAs, unknown, idsAre }: IdPixels): ScoreWarning[] {
  const warnings: ScoreWarning[] = []
  const ids = [...unknown].filter(([, pixels]) => pixels > 0).sort(([, a], [, b]) => b - a)
  const unknownShare = ids.reduce((sum, [, pixels]) => sum + pixels, 0) / scored
  if (unknownShare > MOST_UNKNOWN) {
    const listed = ids.slice(0, MOST_LISTED).map(([id]) => id)
    const more = ids.length > MOST_LISTED ? `, and ${ids.length - MOST_LISTED} more` : ''
    warnings.push({
      code: 'unknown-ids',
      message: `${percent(unknownShare)} of the scored pixels are predicted as ${idsAre} that no scored class has: ${listed.join(', ')}${more}. They count as misses. \`idMap\` can map ids to others.`,
      share: unknownShare,
    })
  }
  const ignoredShare = ignored / (scored + ignored)
  if (ignoredShare > MOST_IGNORED) {
    warnings.push({
      code: 'mostly-ignored',
      message: `${percent(ignoredShare)} of the pixels are ignored: their target is ${ignoredAs}.`,
      share: ignoredShare,
    })
  }
  return warnings
}

/** What a confusion matrix knows of masks. */
export interface MaskPixels extends Pick<IdPixels, 'scored' | 'ignored'> {
  readonly ignoreIndex: number
  /** Scored pixels that are predicted as the ignore index. */
  readonly missed: number
  /** The classes in targets and in predictions. */
  readonly targets: readonly number[]
  readonly predictions: readonly number[]
}

/** Returns the warning about maps that hold only 0 and the ignore index, undefined for others. */
export function maskWarning(pixels: MaskPixels): ScoreWarning | undefined {
  const { scored, ignored, ignoreIndex, missed, targets, predictions } = pixels
  const onlyZero = (classes: readonly number[]): boolean => classes.length === 1 && classes[0] === 0
  const inTargets = onlyZero(targets) && ignored > 0
  const inPredictions = onlyZero(predictions) && missed > 0
  if (!inTargets && !inPredictions) return undefined
  const [who, effect] = inTargets ? ['targets', 'are ignored'] : ['predictions', 'count as misses']
  return {
    code: 'mask',
    message: `The ${who} hold only the ids 0 and ${ignoreIndex}, as masks do, and pixels with ${ignoreIndex} ${effect}. Map ${ignoreIndex} to class 1 with \`idMap\`.`,
    share: inTargets ? ignored / (scored + ignored) : missed / scored,
  }
}

/** Returns the messages as lines of plain text; empty without warnings. */
export const warningsText = (warnings: readonly ScoreWarning[] = []): string =>
  warnings.map(({ message }) => `warning: ${message}\n`).join('')

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
