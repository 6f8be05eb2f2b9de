import { classNames, IGNORE, palette } from '../labels.js'
import { ade20k } from './ade20k.js'
import { camvid, camvid32 } from './camvid.js'
import type { ClassTable } from './class-table.js'
import { cocoStuff } from './coco-stuff.js'
import { mapillary } from './mapillary.js'
import { pascalVoc } from './pascal-voc.js'

export type { ClassTable } from './class-table.js'

/** Cityscapes' 19 train ids. BDD100K has the same classes and colors. */
const trainIds = { classNames, palette, ignoreIndex: IGNORE, reduceZeroLabel: false }

/** The classes of data sets by name, with the colors that their users know. */
export const classTables = {
  cityscapes: { title: 'Cityscapes', ...trainIds },
  bdd100k: { title: 'BDD100K', ...trainIds },
  ade20k,
  'pascal-voc': pascalVoc,
  'coco-stuff': cocoStuff,
  mapillary,
  camvid,
  'camvid-32': camvid32,
} as const satisfies Record<string, ClassTable>

/** A name in {@link classTables}. */
export type ClassTableName = keyof typeof classTables
