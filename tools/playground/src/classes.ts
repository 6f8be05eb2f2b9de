import { classNames } from '@inverseform/cityscapes'

/** Returns whether a network has the classes of Cityscapes. Other classes have no known names. */
export const isCityscapes = (numClasses: number): boolean => numClasses === classNames.length

export const className = (index: number, numClasses: number): string =>
  isCityscapes(numClasses) ? classNames[index] : `class ${index}`
