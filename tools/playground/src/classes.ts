import { classNames, palette } from '@inverseform/cityscapes'
import { classColors as spreadColors } from '@inverseform/runtime-web'

const cityscapesColors = Uint8Array.from(palette.flat())

/** Returns whether a network has the classes of Cityscapes. Other classes have no known names. */
export const isCityscapes = (numClasses: number): boolean => numClasses === classNames.length

export const className = (index: number, numClasses: number): string =>
  isCityscapes(numClasses) ? classNames[index] : `class ${index}`

/** Returns red, green and blue of each class, 3 bytes each. */
export const classColors = (numClasses: number): Uint8Array =>
  isCityscapes(numClasses) ? cityscapesColors : spreadColors(numClasses)
