import { DIMMED, OUTLINE_WEIGHTS } from '@inverseform/runtime'
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
    'hasOutlines',
    'hasEdges',
    'edgesAreLogits',
    'mapWidth',
    'mapHeight',
    'views',
    'firstMirrored',
    'secondMirrored',
  ],
  floats: [
    'opacity',
    'lineWidth',
    'outlineRed',
    'outlineGreen',
    'outlineBlue',
    'threshold',
    'edgeRed',
    'edgeGreen',
    'edgeBlue',
  ],
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

fn outlineWeight(i: i32) -> u32 {
  switch (i) { ${OUTLINE_WEIGHTS.map((weight, i) => `case ${i}: { return ${weight}; }`).join(' ')} default: { return 0; } }
}

fn labelAt(x: u32, y: u32) -> u32 {
  let pixel = y * style.width + x;
  let bits = 32 / style.perWord;
  return extractBits(labels[pixel / style.perWord], bits * (pixel % style.perWord), bits);
}

// What outlines separate: classes, or the highlighted one from all others.
fn segmentAt(x: u32, y: u32) -> u32 {
  let label = labelAt(x, y);
  if (style.highlight == ${NO_HIGHLIGHT}u) { return label; }
  return u32(label == style.highlight);
}

// As \`outlineOpacity\` of the weight of the pixel's segment among its neighbors.
fn outlineAt(x: u32, y: u32) -> f32 {
  if (style.hasOutlines == 0) { return 0; }
  let segment = segmentAt(x, y);
  let last = vec2i(i32(style.width), i32(style.height)) - 1;
  var weight = 0u;
  for (var i = 0; i < 5; i++) {
    for (var j = 0; j < 5; j++) {
      let near = vec2u(clamp(vec2i(i32(x) + j - 2, i32(y) + i - 2), vec2i(0), last));
      if (segmentAt(near.x, near.y) == segment) { weight += outlineWeight(i) * outlineWeight(j); }
    }
  }
  let distance = f32(weight) / 64 - 2.25;
  return clamp(style.lineWidth / 2 + 0.5 - distance, 0, 1);
}

// The probability of a boundary, or 0 below the threshold.
fn edgeAt(x: u32, y: u32) -> f32 {
  if (style.hasEdges == 0) { return 0; }
  let maps = ViewMaps(
    style.mapWidth, style.mapHeight, style.views, style.firstMirrored, style.secondMirrored);
  let columns = interpolation(x, maps.width, style.width);
  let rows = interpolation(y, maps.height, style.height);
  let value = valueAt(cornersOf(columns, rows, maps), 0);
  if (value < style.threshold) { return 0; }
  if (style.edgesAreLogits == 0) { return value; }
  return 1 / (1 + exp(-value));
}

@fragment fn paint(@builtin(position) position: vec4f) -> @location(0) vec4f {
  let x = u32(position.x);
  let y = u32(position.y);
  let image = pixelAt(x, y, style.bytesPerPixel, style.bytesPerRow);
  let label = labelAt(x, y);
  let color = colors[label];
  let classColor = vec3f(f32(color & 255), f32((color >> 8) & 255), f32(color >> 16));

  var painted = mix(image, classColor, style.opacity);
  if (style.highlight != ${NO_HIGHLIGHT}u && label != style.highlight) { painted = ${DIMMED} * image; }
  painted = mix(painted, vec3f(style.outlineRed, style.outlineGreen, style.outlineBlue), outlineAt(x, y));
  painted = mix(painted, vec3f(style.edgeRed, style.edgeGreen, style.edgeBlue), edgeAt(x, y));
  return vec4f(painted / 255, 1);
}`
