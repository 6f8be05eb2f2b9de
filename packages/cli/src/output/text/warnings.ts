import { type ScoreWarning, warningsText } from '@inverseform/cityscapes'

/** Returns warnings as lines below scores, after an empty line. `flag` is the one that maps ids, if the command has one. */
export function warningLines(warnings: readonly ScoreWarning[], flag?: '--map-ids'): string {
  if (warnings.length === 0) return ''
  const text = warningsText(warnings)
  if (flag !== undefined) return `\n${text.replaceAll('`idMap`', flag)}`
  return `\n${text.replaceAll(' with `idMap`', '').replaceAll(' `idMap` can map ids to others.', '')}`
}
