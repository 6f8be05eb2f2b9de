import type { PixelLists } from './pixel-lists.js'

/**
 * Lists the boundary pixels of all classes as seg2bmap does (Martin's, in DAVIS and Gated-SCNN): a pixel is on the
 * boundary of a class when among itself and its neighbours to the right, below, and below right, some are of the class
 * and some are not. In the last row only the neighbour to the right counts, in the last column only the one below: the
 * frame is no boundary. A pixel may be on the boundaries of up to four classes.
 *
 * @param map height x width, ids from `classes` on being no class
 */
export function listBoundaries(
  map: Uint16Array,
  width: number,
  height: number,
  classes: number,
  lists: PixelLists,
): void {
  lists.clear()
  for (let y = 0; y < height; y++) {
    const down = y < height - 1 ? width : 0
    let i = y * width
    for (const end = i + width - 1; i < end; i++) {
      const a = map[i]!
      const b = map[i + 1]!
      const c = map[i + down]!
      const d = map[i + down + 1]!
      if (a === b && a === c && a === d) continue
      if (a < classes) lists.add(a, i)
      if (b < classes && b !== a) lists.add(b, i)
      if (c < classes && c !== a && c !== b) lists.add(c, i)
      if (d < classes && d !== a && d !== b && d !== c) lists.add(d, i)
    }
    const a = map[i]!
    const c = map[i + down]!
    if (a === c) continue
    if (a < classes) lists.add(a, i)
    if (c < classes) lists.add(c, i)
  }
  lists.sort()
}

/**
 * Lists the surface pixels of all classes as MedPy does (a mask without its erosion by a cross): a pixel of the class
 * with one of its four neighbours of another class, void, or outside the image.
 *
 * @param map height x width, ids from `classes` on being no class
 */
export function listSurfaces(
  map: Uint16Array,
  width: number,
  height: number,
  classes: number,
  lists: PixelLists,
): void {
  lists.clear()
  for (let y = 0, i = 0; y < height; y++) {
    const outer = y === 0 || y === height - 1
    for (let x = 0; x < width; x++, i++) {
      const c = map[i]!
      if (c >= classes) continue
      if (
        outer ||
        x === 0 ||
        x === width - 1 ||
        map[i - 1] !== c ||
        map[i + 1] !== c ||
        map[i - width] !== c ||
        map[i + width] !== c
      )
        lists.add(c, i)
    }
  }
  lists.sort()
}
