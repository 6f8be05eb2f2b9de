import { DIMMED } from '../../picture/style.js'
import { interpolationCode } from './interpolation.js'
import { pixelsCode } from './pixels.js'
import { viewMapsCode } from './view-maps.js'

/** Members of the uniform `style`, in order: first the integers, then the floats. */
export const paintUniforms = {
  integers: [
    'width',
    'height',
    'bytesPerPixel',
    'bytesPerRow',
    'perWord',
    'highlight',
    'hasEdges',
    'mapWidth',
    'mapHeight',
    'views',
    'firstMirrored',
    'secondMirrored',
  ],
  floats: ['opacity', 'threshold', 'edgeRed', 'edgeGreen', 'edgeBlue'],
} as const

/** Value of `highlight` if no class is highlighted. */
export const NO_HIGHLIGHT = 2 ** 32 - 1

/** Paints image, labels and edges as `paintPixels` does, one fragment per pixel of the image. */
export const paintCode = `
struct Style {
  ${paintUniforms.integers.map((name) => `${name}: u32,`).join(' ')}
  ${paintUniforms.floats.map((name) => `${name}: f32,`).join(' ')}
}
@group(0) @binding(0) var<uniform> style: Style;
@group(0) @binding(3) var<storage, read> pixels: array<u32>;
@group(0) @binding(4) var<storage, read> labels: array<u32>;
@group(0) @binding(5) var<storage, read> colors: array<u32>;
${interpolationCode}
${viewMapsCode}
${pixelsCode}

// One triangle that covers the canvas.
@vertex fn cover(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
  return vec4f(f32(i % 2) * 4 - 1, f32(i / 2) * 4 - 1, 0, 1);
}

fn isEdge(x: u32, y: u32) -> bool {
  if (style.hasEdges == 0) { return false; }
  let maps = ViewMaps(
    style.mapWidth, style.mapHeight, style.views, style.firstMirrored, style.secondMirrored);
  let columns = interpolation(x, maps.width, style.width);
  let rows = interpolation(y, maps.height, style.height);
  return valueAt(cornersOf(columns, rows, maps), 0) >= style.threshold;
}

@fragment fn paint(@builtin(position) position: vec4f) -> @location(0) vec4f {
  let x = u32(position.x);
  let y = u32(position.y);
  let image = pixelAt(x, y, style.bytesPerPixel, style.bytesPerRow);
  let pixel = y * style.width + x;
  let bits = 32 / style.perWord;
  let label = extractBits(labels[pixel / style.perWord], bits * (pixel % style.perWord), bits);
  let color = colors[label];
  let classColor = vec3f(f32(color & 255), f32((color >> 8) & 255), f32(color >> 16));

  var painted = mix(image, classColor, style.opacity);
  if (style.highlight != ${NO_HIGHLIGHT}u && label != style.highlight) { painted = ${DIMMED} * image; }
  if (isEdge(x, y)) { painted = vec3f(style.edgeRed, style.edgeGreen, style.edgeBlue); }
  return vec4f(painted / 255, 1);
}`
