import { stat } from 'node:fs/promises'
import type { Rgb } from '@inverseform/cityscapes'
import { type ClassTable, classTables } from '@inverseform/cityscapes/classes'
import { InverseFormError } from '@inverseform/errors'
import { orList } from '@inverseform/shared'
import { readRegularFile } from '@inverseform/shared/node'

/** The names of the classes of a data set, and what else is known of it. */
export interface NamedClasses {
  readonly names: readonly string[]
  readonly palette?: readonly Rgb[]
  /** The built-in table that the names are from. */
  readonly table?: ClassTable
}

const MAX_BYTES = 2 ** 20
const MAX_CLASSES = 4096
const tableNames = Object.keys(classTables)
const HINT =
  'Write one name per line, such as "road" or "road,128,64,128" with its color, or a JSON list, in the order of the class ids.'

/** What `--class-names` accepts, for the help of a command. */
export const classNamesHelp = `a file, one name or "name,r,g,b" per line or a JSON list, or one of ${tableNames.join(', ')}`

/**
 * Reads the names of classes, with their colors if they have some: a text file with one class per line, a JSON list, or
 * the name of a built-in table.
 * @throws InverseFormError `not-found` or `unreadable`
 */
export async function readClassNames(value: string): Promise<NamedClasses> {
  const exists = await stat(value).then(
    () => true,
    () => false,
  )
  if (!exists) return builtIn(value)
  const text = new TextDecoder().decode(await readRegularFile(value, { maxBytes: MAX_BYTES }))
  const classes = /^\s*\[/.test(text) ? parseList(value, text) : parseLines(text)
  const names = classes.map(({ name }) => name)
  if (names.length === 0 || names.length > MAX_CLASSES || names.includes('')) {
    throw invalid(value, `must hold the names of 1 to ${MAX_CLASSES} classes, none of them empty`)
  }
  const palette = classes.map(({ color }) => color).filter((color) => color !== undefined)
  if (palette.length === 0) return { names }
  if (palette.length === names.length) return { names, palette }
  throw invalid(value, `has colors for ${palette.length} of ${names.length} classes`)
}

function builtIn(name: string): NamedClasses {
  if (!Object.hasOwn(classTables, name)) {
    throw new InverseFormError('not-found', `--class-names: ${name} does not exist.`, {
      hint: `Pass a file with one name per line, or ${orList(tableNames)}.`,
      details: { path: name },
    })
  }
  const table: ClassTable = classTables[name as keyof typeof classTables]
  return { names: table.classNames, palette: table.palette, table }
}

interface NamedClass {
  readonly name: string
  readonly color?: Rgb
}

function parseLines(text: string): NamedClass[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  // The last line usually ends with a line end.
  while (lines.at(-1) === '') lines.pop()
  return lines.map((line) => {
    const match = /^(.*?)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)$/.exec(line)
    const color = match?.slice(2).map(Number)
    return match && isColor(color) ? { name: match[1], color } : { name: line }
  })
}

function parseList(path: string, text: string): NamedClass[] {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch (cause) {
    throw invalid(path, `is not JSON: ${(cause as Error).message}`)
  }
  return (list as unknown[]).map((item) => {
    if (typeof item === 'string') return { name: item }
    const { name, color } = (item ?? {}) as { name?: unknown; color?: unknown }
    if (typeof name !== 'string' || (color !== undefined && !isColor(color))) {
      throw invalid(
        path,
        'must be a JSON list of names, or of objects such as { "name": "road", "color": [128, 64, 128] }',
      )
    }
    return { name, color }
  })
}

const isColor = (color: unknown): color is Rgb =>
  Array.isArray(color) && color.length === 3 && color.every((c) => Number.isInteger(c) && c >= 0 && c <= 255)

const invalid = (path: string, problem: string): InverseFormError =>
  new InverseFormError('unreadable', `${path} ${problem}.`, { hint: HINT, details: { path } })

/** Returns what to note about a built-in table; undefined without such a table, or if the flags say it. */
export function noteOnTable(
  { table }: NamedClasses,
  { reduceZeroLabel }: { readonly reduceZeroLabel?: boolean },
): string | undefined {
  if (!table?.reduceZeroLabel || reduceZeroLabel) return undefined
  return `Label files of ${table.title} hold the class ids plus 1. If yours do, pass --reduce-zero-label.`
}

/**
 * Returns the number of classes that `--num-classes` and `--class-names` say.
 * @throws InverseFormError `invalid-argument` if they differ
 */
export function numberOfClasses(
  numClasses: number | undefined,
  classes: NamedClasses | undefined,
): number | undefined {
  if (classes === undefined || numClasses === undefined || classes.names.length === numClasses) {
    return classes?.names.length ?? numClasses
  }
  throw new InverseFormError(
    'invalid-argument',
    `--class-names has ${classes.names.length} names, but --num-classes is ${numClasses}.`,
    { hint: 'Omit --num-classes, or write one name for each class.' },
  )
}
