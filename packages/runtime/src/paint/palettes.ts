import { checkInteger } from '@inverseform/errors'

/** Red, green and blue, each from 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number]

/** The colors of Cityscapes' train ids, 0xRRGGBB. `@inverseform/cityscapes`, on which runtimes do not depend, exports them too. */
const cityscapes = [
  0x804080, 0xf423e8, 0x464646, 0x66669c, 0xbe9999, 0x999999, 0xfaaa1e, 0xdcdc00, 0x6b8e23, 0x98fb98,
  0x4682b4, 0xdc143c, 0xff0000, 0x00008e, 0x000046, 0x003c64, 0x005064, 0x0000e6, 0x770b20,
]

/**
 * Returns red, green and blue of each class, 3 bytes each: Cityscapes' colors for 19 classes. Other classes have the colors of
 * Pascal VOC's development kit (`VOClabelcolormap`), which spreads the bits of an id over the channels, from the highest bits
 * down. They start at its id 1, because 0 is black.
 */
export function classColors(numClasses: number): Uint8Array {
  checkInteger('numClasses', numClasses, { min: 1, max: 4096 })
  const colors = new Uint8Array(3 * numClasses)
  for (let i = 0; i < colors.length; i++) {
    const id = Math.floor(i / 3)
    const channel = i % 3
    if (numClasses === cityscapes.length) colors[i] = cityscapes[id] >> (16 - 8 * channel)
    else for (let k = 0; k < 8; k++) colors[i] |= (((id + 1) >> (3 * k + channel)) & 1) << (7 - k)
  }
  return colors
}
