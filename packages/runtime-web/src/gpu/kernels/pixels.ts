/** WGSL that reads a pixel of 8-bit RGB or RGBA, in [0,255], from the buffer `pixels`. */
export const pixelsCode = `
fn byteAt(i: u32) -> f32 {
  return f32((pixels[i / 4] >> (8 * (i % 4))) & 255);
}

fn pixelAt(x: u32, y: u32, bytesPerPixel: u32, bytesPerRow: u32) -> vec3f {
  let start = y * bytesPerRow + x * bytesPerPixel;
  return vec3f(byteAt(start), byteAt(start + 1), byteAt(start + 2));
}`
