import { classNames } from '@inverseform/cityscapes'

/** Returns Cityscapes' class names for 19 classes, else numbers. */
export function namesOfClasses(numClasses: number): readonly string[] {
  return numClasses === classNames.length ? classNames : numberedClasses(numClasses)
}

/** Returns `class 0`, `class 1`, …. */
export const numberedClasses = (numClasses: number): string[] =>
  Array.from({ length: numClasses }, (_, i) => `class ${i}`)
