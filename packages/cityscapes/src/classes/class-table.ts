import type { Rgb } from '../labels.js'

/** The classes of a data set, in the order of their ids. */
export interface ClassTable {
  readonly title: string
  /** The name of each class. */
  readonly classNames: readonly string[]
  /** The color of each class. Data sets with many classes may use a color twice. */
  readonly palette: readonly Rgb[]
  /** The id of pixels without a class, after `reduceZeroLabel`. */
  readonly ignoreIndex: number
  /** Whether label files hold the class ids plus 1, and 0 where there is no class (option `reduceZeroLabel` of presets). */
  readonly reduceZeroLabel: boolean
}

/** @param classes a name and a color 0xRRGGBB each */
export function classTable(
  dataSet: Omit<ClassTable, 'classNames' | 'palette'>,
  classes: readonly (readonly [name: string, color: number])[],
): ClassTable {
  return {
    ...dataSet,
    classNames: classes.map(([name]) => name),
    palette: classes.map(([, color]) => [color >> 16, (color >> 8) & 255, color & 255]),
  }
}
