/**
 * Converts CMYK to RGB in place of a color profile: `c · k / 255`, rounded down, of values where 255 is no ink. Chromium and
 * Firefox compute the same; Pillow's `convert('RGB')` rounds, so it differs by at most 1.
 *
 * @param cmyk 255 is full ink
 */
export function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3)
  for (let from = 0, to = 0; from < cmyk.length; from += 4, to += 3) {
    const k = 255 - cmyk[from + 3]
    rgb[to] = ((255 - cmyk[from]) * k) / 255
    rgb[to + 1] = ((255 - cmyk[from + 1]) * k) / 255
    rgb[to + 2] = ((255 - cmyk[from + 2]) * k) / 255
  }
  return rgb
}
