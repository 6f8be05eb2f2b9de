import { checkIntegerArray } from '@inverseform/errors'
import { type IdArray, lookUpTable, remap } from './label-mapping.js'

/** Red, green, blue, each 0..255. */
export type Rgb = readonly [number, number, number]

/** The seven groups of classes and `void`, in the order of their category ids. */
export const categories = [
  'void',
  'flat',
  'construction',
  'object',
  'nature',
  'sky',
  'human',
  'vehicle',
] as const

export type Category = (typeof categories)[number]

/** One row of the Cityscapes label table (`labels.py` of cityscapesScripts). */
export interface Label {
  readonly name: string
  /** The value in `*_labelIds.png`, 0..33; -1 for the license plate, which no label map holds. */
  readonly id: number
  /** The class that a network predicts, 0..18; 255 for labels that are not evaluated, -1 for the license plate. */
  readonly trainId: number
  readonly category: Category
  /** Index into {@link categories}, 0..7. */
  readonly categoryId: number
  /** Whether `*_instanceIds.png` distinguishes single objects of this label. */
  readonly hasInstances: boolean
  readonly ignoreInEval: boolean
  readonly color: Rgb
}

/** The train id of pixels that training and evaluation ignore. */
export const IGNORE = 255

const label = (
  name: string,
  id: number,
  trainId: number,
  category: Category,
  hasInstances: boolean,
  ignoreInEval: boolean,
  color: Rgb,
): Label => ({
  name,
  id,
  trainId,
  category,
  categoryId: categories.indexOf(category),
  hasInstances,
  ignoreInEval,
  color,
})

/** All 35 labels of Cityscapes, by id, the license plate (id -1) last. */
export const labels: readonly Label[] = [
  label('unlabeled', 0, IGNORE, 'void', false, true, [0, 0, 0]),
  label('ego vehicle', 1, IGNORE, 'void', false, true, [0, 0, 0]),
  label('rectification border', 2, IGNORE, 'void', false, true, [0, 0, 0]),
  label('out of roi', 3, IGNORE, 'void', false, true, [0, 0, 0]),
  label('static', 4, IGNORE, 'void', false, true, [0, 0, 0]),
  label('dynamic', 5, IGNORE, 'void', false, true, [111, 74, 0]),
  label('ground', 6, IGNORE, 'void', false, true, [81, 0, 81]),
  label('road', 7, 0, 'flat', false, false, [128, 64, 128]),
  label('sidewalk', 8, 1, 'flat', false, false, [244, 35, 232]),
  label('parking', 9, IGNORE, 'flat', false, true, [250, 170, 160]),
  label('rail track', 10, IGNORE, 'flat', false, true, [230, 150, 140]),
  label('building', 11, 2, 'construction', false, false, [70, 70, 70]),
  label('wall', 12, 3, 'construction', false, false, [102, 102, 156]),
  label('fence', 13, 4, 'construction', false, false, [190, 153, 153]),
  label('guard rail', 14, IGNORE, 'construction', false, true, [180, 165, 180]),
  label('bridge', 15, IGNORE, 'construction', false, true, [150, 100, 100]),
  label('tunnel', 16, IGNORE, 'construction', false, true, [150, 120, 90]),
  label('pole', 17, 5, 'object', false, false, [153, 153, 153]),
  label('polegroup', 18, IGNORE, 'object', false, true, [153, 153, 153]),
  label('traffic light', 19, 6, 'object', false, false, [250, 170, 30]),
  label('traffic sign', 20, 7, 'object', false, false, [220, 220, 0]),
  label('vegetation', 21, 8, 'nature', false, false, [107, 142, 35]),
  label('terrain', 22, 9, 'nature', false, false, [152, 251, 152]),
  label('sky', 23, 10, 'sky', false, false, [70, 130, 180]),
  label('person', 24, 11, 'human', true, false, [220, 20, 60]),
  label('rider', 25, 12, 'human', true, false, [255, 0, 0]),
  label('car', 26, 13, 'vehicle', true, false, [0, 0, 142]),
  label('truck', 27, 14, 'vehicle', true, false, [0, 0, 70]),
  label('bus', 28, 15, 'vehicle', true, false, [0, 60, 100]),
  label('caravan', 29, IGNORE, 'vehicle', true, true, [0, 0, 90]),
  label('trailer', 30, IGNORE, 'vehicle', true, true, [0, 0, 110]),
  label('train', 31, 16, 'vehicle', true, false, [0, 80, 100]),
  label('motorcycle', 32, 17, 'vehicle', true, false, [0, 0, 230]),
  label('bicycle', 33, 18, 'vehicle', true, false, [119, 11, 32]),
  label('license plate', -1, -1, 'vehicle', false, true, [0, 0, 142]),
]

/** The labels that are evaluated, in the order of the train ids. */
const classes = labels.filter((entry) => !entry.ignoreInEval)

/** The names of the 19 classes, by train id. */
export const classNames: readonly string[] = classes.map((entry) => entry.name)

/** The colors of the 19 classes, by train id. */
export const palette: readonly Rgb[] = classes.map((entry) => entry.color)

/** 256 entries: the train id of each label id; 255 for ids that are not evaluated. */
export const labelIdToTrainId: Uint8Array = new Uint8Array(256).fill(IGNORE)

/** 256 entries: the label id of each train id; 0 (unlabeled) for ids that are not classes. */
export const trainIdToLabelId: Uint8Array = new Uint8Array(256)

for (const { id, trainId } of classes) {
  labelIdToTrainId[id] = trainId
  trainIdToLabelId[trainId] = id
}

const trainIds = lookUpTable(labelIdToTrainId, IGNORE)
const labelIds = lookUpTable(trainIdToLabelId, 0)

/** Converts label ids (0..33) to train ids (0..18). Ids that are not evaluated, and ids above 33, become 255. */
export function toTrainIds(ids: IdArray): Uint8Array {
  checkIntegerArray('ids', ids)
  return remap(ids, trainIds, new Uint8Array(ids.length))
}

/** Converts train ids (0..18) to label ids, which the evaluation server expects. All other ids become 0. */
export function toLabelIds(ids: IdArray): Uint8Array {
  checkIntegerArray('ids', ids)
  return remap(ids, labelIds, new Uint8Array(ids.length))
}
