import type { KernelSource } from '../kernel.js'
import { interpolationCode } from './interpolation.js'
import { viewMapsCode } from './view-maps.js'

/**
 * Finds the class with the largest logit of each pixel of the enlarged maps, the first of equal ones, and packs classes
 * into words. If `withConfidence` is 1, also computes its softmax probability. The enlarged maps themselves are never
 * stored. After the last element, both buffers have one more: it becomes 1 if a logit is NaN or infinite. One call per word.
 */
export const readClasses = {
  label: 'read classes',
  uniforms: [
    'width',
    'height',
    'mapWidth',
    'mapHeight',
    'numClasses',
    'offset',
    'views',
    'firstMirrored',
    'secondMirrored',
    'perWord',
    'withConfidence',
  ],
  code: `
${interpolationCode}
${viewMapsCode}
@group(0) @binding(3) var<storage, read_write> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> confidence: array<f32>;

// Tests bits: compilers may assume that numbers are finite.
fn isFinite(value: f32) -> bool {
  return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

fn labelOf(pixel: u32, maps: ViewMaps) -> u32 {
  let columns = interpolation(pixel % uniforms.width, maps.width, uniforms.width);
  let rows = interpolation(pixel / uniforms.width, maps.height, uniforms.height);
  let corners = cornersOf(columns, rows, maps);
  var label = 0u;
  var largest = valueAt(corners, uniforms.offset);
  var finite = isFinite(largest);
  // Sum of e^(logit − largest) over the classes so far.
  var sum = 1f;
  for (var k = 1u; k < uniforms.numClasses; k++) {
    let logit = valueAt(corners, uniforms.offset + k * maps.width * maps.height);
    finite = finite && isFinite(logit);
    if (uniforms.withConfidence == 1) {
      sum = select(sum + exp(logit - largest), sum * exp(largest - logit) + 1, logit > largest);
    }
    if (logit > largest) {
      largest = logit;
      label = k;
    }
  }
  if (uniforms.withConfidence == 1) { confidence[pixel] = 1 / sum; }
  if (!finite) {
    labels[uniforms.count] = 1;
    if (uniforms.withConfidence == 1) { confidence[uniforms.width * uniforms.height] = 1; }
  }
  return label;
}

fn compute(i: u32) {
  let maps = ViewMaps(
    uniforms.mapWidth, uniforms.mapHeight, uniforms.views, uniforms.firstMirrored, uniforms.secondMirrored);
  let first = i * uniforms.perWord;
  let end = min(first + uniforms.perWord, uniforms.width * uniforms.height);
  var word = 0u;
  for (var pixel = first; pixel < end; pixel++) {
    word |= labelOf(pixel, maps) << ((pixel - first) * (32 / uniforms.perWord));
  }
  labels[i] = word;
}`,
} as const satisfies KernelSource<string>
