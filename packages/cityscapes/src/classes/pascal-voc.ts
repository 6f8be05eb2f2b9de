import { type ClassTable, classTable } from './class-table.js'

/** Pascal VOC's 20 classes after the background. Colors are those of the VOC development kit; 255 is void. */
export const pascalVoc: ClassTable = classTable(
  { title: 'Pascal VOC', ignoreIndex: 255, reduceZeroLabel: false },
  [
    ['background', 0x000000],
    ['aeroplane', 0x800000],
    ['bicycle', 0x008000],
    ['bird', 0x808000],
    ['boat', 0x000080],
    ['bottle', 0x800080],
    ['bus', 0x008080],
    ['car', 0x808080],
    ['cat', 0x400000],
    ['chair', 0xc00000],
    ['cow', 0x408000],
    ['diningtable', 0xc08000],
    ['dog', 0x400080],
    ['horse', 0xc00080],
    ['motorbike', 0x408080],
    ['person', 0xc08080],
    ['pottedplant', 0x004000],
    ['sheep', 0x804000],
    ['sofa', 0x00c000],
    ['train', 0x80c000],
    ['tvmonitor', 0x004080],
  ],
)
