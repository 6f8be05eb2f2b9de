import { classNames, palette } from '@inverseform/cityscapes'
import { classColors } from '@inverseform/runtime-web'

const cityscapesColours = Uint8Array.from(palette.flat())

/** Whether a network has the classes of Cityscapes; of others only the number is known. */
export const isCityscapes = (classes: number): boolean => classes === classNames.length

export const className = (index: number, classes: number): string =>
  isCityscapes(classes) ? classNames[index] : `class ${index}`

/** Red, green and blue of each class, three bytes a class. */
export const classColours = (classes: number): Uint8Array =>
  isCityscapes(classes) ? cityscapesColours : classColors(classes)
