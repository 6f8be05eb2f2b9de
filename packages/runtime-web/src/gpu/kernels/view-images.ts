import type { KernelSource } from '../kernel.js'
import { interpolationCode } from './interpolation.js'
import { pixelsCode } from './pixels.js'

/**
 * Computes the network's input for a part of an image: mirrors, resizes and normalizes as `normalizeImages` does. Reads
 * `pixels` and writes three planes to `planes` from `offset` on. One call per pixel of the part.
 */
export const viewImages = {
  label: 'view images',
  uniforms: [
    'imageWidth',
    'imageHeight',
    'bytesPerPixel',
    'bytesPerRow',
    'viewWidth',
    'viewHeight',
    'mirrored',
    'x',
    'y',
    'width',
    'offset',
  ],
  code: `
@group(0) @binding(1) var<storage, read> pixels: array<u32>;
@group(0) @binding(2) var<storage, read_write> planes: array<f32>;
${interpolationCode}
${pixelsCode}
const mean = vec3f(0.485, 0.456, 0.406);
const deviation = vec3f(0.229, 0.224, 0.225);

fn normalized(column: u32, row: u32) -> vec3f {
  let x = select(column, uniforms.imageWidth - 1 - column, uniforms.mirrored == 1);
  return (pixelAt(x, row, uniforms.bytesPerPixel, uniforms.bytesPerRow) / 255 - mean) / deviation;
}

fn compute(i: u32) {
  let columns = interpolation(uniforms.x + i % uniforms.width, uniforms.imageWidth, uniforms.viewWidth);
  let rows = interpolation(uniforms.y + i / uniforms.width, uniforms.imageHeight, uniforms.viewHeight);
  let left = mix(normalized(columns.lower, rows.lower), normalized(columns.lower, rows.upper), rows.weight);
  let right = mix(normalized(columns.upper, rows.lower), normalized(columns.upper, rows.upper), rows.weight);
  let value = mix(left, right, columns.weight);
  for (var c = 0u; c < 3; c++) {
    planes[uniforms.offset + c * uniforms.count + i] = value[c];
  }
}`,
} as const satisfies KernelSource<string>
