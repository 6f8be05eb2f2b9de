import { InverseFormError, type InverseFormErrorCode } from '@inverseform/errors'
import { IGNORE, type Label, labels } from '../labels.js'
import type { PolygonAnnotation } from './annotation.js'
import { fillPolygon } from './fill-polygon.js'

/**
 * What the pixels of a label image hold, named as its file ends:
 *
 * - `labelIds`: label ids 0..33; 0 where nothing was outlined
 * - `labelTrainIds`: train ids 0..18; 255 for what is not evaluated and where nothing was outlined
 * - `instanceIds`: label id · 1000 + number for single objects, the plain label id for groups and all else
 * - `instanceTrainIds`: the same of train ids; 255 for what is not evaluated, single objects too
 * - `color`: red, green, blue and alpha (always 255)
 */
export const labelEncodings = [
  'labelIds',
  'labelTrainIds',
  'instanceIds',
  'instanceTrainIds',
  'color',
] as const
export type LabelEncoding = (typeof labelEncodings)[number]

export interface LabelImage<Encoding extends LabelEncoding = LabelEncoding> {
  readonly width: number
  readonly height: number
  /** Row by row from the top left: width · height ids, four times as many bytes with `color`. */
  readonly data: Encoding extends 'instanceIds' | 'instanceTrainIds' ? Uint16Array : Uint8Array
}

/** The objects of an annotation as they hide one another. */
export interface DrawnPolygons {
  readonly width: number
  readonly height: number
  /** Index into `objects` of what each pixel shows, row by row from the top left. */
  readonly data: Uint16Array | Uint32Array
  /** What was drawn, in order, after the background (`unlabeled`). */
  readonly objects: readonly DrawnObject[]
}

export interface DrawnObject {
  readonly label: Label
  /** Number among the single objects of this label, from 0; undefined for groups and labels without instances. */
  readonly instance?: number
}

/** How many objects of a label have an instance id of their own: the next one's would be another label's. */
const MAX_INSTANCES = 1000

const byName: ReadonlyMap<string, Label> = new Map(labels.map((label) => [label.name, label]))

/**
 * Draws an annotation as `json2labelImg.py` and `json2instanceImg.py` of cityscapesScripts do: in the order of the
 * file, without deleted objects and license plates. A label such as `cargroup` stands for a group of cars.
 *
 * @throws InverseFormError `unreadable` for a label that the label table does not have, or fewer than two corners;
 *   `limit-exceeded` for more than 1000 single objects of a label
 */
export function drawPolygons(annotation: PolygonAnnotation): DrawnPolygons {
  const { name, width, height } = annotation
  const Indices = annotation.objects.length < 2 ** 16 ? Uint16Array : Uint32Array
  const data = new Indices(width * height)
  const objects: DrawnObject[] = [{ label: labels[0]! }]
  const instances = new Map<Label, number>()
  for (const [i, object] of annotation.objects.entries()) {
    if (object.deleted) continue
    const refuse = (code: InverseFormErrorCode, what: string, hint: string) =>
      new InverseFormError(code, `${name}, object ${i + 1} ("${object.label}"), ${what}.`, {
        hint,
        details: { name, object: i + 1, label: object.label },
      })
    const single = byName.get(object.label)
    const label = single ?? byName.get(object.label.replace(/group$/, ''))
    if (label === undefined)
      throw refuse(
        'unreadable',
        'has a label that Cityscapes does not know',
        'Correct the label or mark the object as deleted; names are those of the label table, groups end in "group".',
      )
    if (object.points.length < 4)
      throw refuse(
        'unreadable',
        'has fewer than two corners',
        'Give the object its corners or mark it as deleted.',
      )
    if (label.id < 0) continue
    const instance = label.hasInstances && single !== undefined ? (instances.get(label) ?? 0) : undefined
    if (instance === MAX_INSTANCES)
      throw refuse(
        'limit-exceeded',
        `is number ${MAX_INSTANCES + 1} of its label`,
        `Instance ids tell ${MAX_INSTANCES} objects of a label apart; join some of them to groups.`,
      )
    if (instance !== undefined) instances.set(label, instance + 1)
    fillPolygon({ width, height, data }, object.points, objects.length)
    objects.push({ label, instance })
  }
  return { width, height, data, objects }
}

const instanceId = (id: number, instance: number | undefined): number =>
  instance === undefined || id === IGNORE ? id : id * 1000 + instance

const idOf: Readonly<Record<LabelEncoding, (object: DrawnObject) => number>> = {
  labelIds: ({ label }) => label.id,
  labelTrainIds: ({ label }) => label.trainId,
  instanceIds: ({ label, instance }) => instanceId(label.id, instance),
  instanceTrainIds: ({ label, instance }) => instanceId(label.trainId, instance),
  // The four bytes as one number, in the machine's order: they are written as such.
  color: ({ label }) => new Uint32Array(Uint8Array.of(...label.colour, 255).buffer)[0]!,
}

const arrays = {
  labelIds: Uint8Array,
  labelTrainIds: Uint8Array,
  instanceIds: Uint16Array,
  instanceTrainIds: Uint16Array,
  color: Uint32Array,
} as const satisfies Record<LabelEncoding, unknown>

/** A label image of what was drawn; one drawing serves for all encodings. */
export function labelImage<Encoding extends LabelEncoding>(
  { width, height, data, objects }: DrawnPolygons,
  encoding: Encoding,
): LabelImage<Encoding> {
  const table = objects.map(idOf[encoding])
  const values = new arrays[encoding](data.length)
  // Objects fill long runs: filling each at once is several times as fast as looking up every pixel.
  for (let start = 0, end = 0; start < data.length; start = end) {
    const object = data[start]!
    while (end < data.length && data[end] === object) end++
    values.fill(table[object]!, start, end)
  }
  const image = encoding === 'color' ? new Uint8Array(values.buffer) : values
  return { width, height, data: image as LabelImage<Encoding>['data'] }
}
