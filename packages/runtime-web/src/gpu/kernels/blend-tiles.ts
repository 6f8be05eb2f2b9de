import type { KernelSource } from '../kernel.js'

/**
 * Adds a tile's weighted map to `sums` and its weights to `weights`. Elements near an inner edge of the tile weigh less,
 * as in `TileBlender`. One call per element of the tile's map.
 */
export const addTile = {
  label: 'add tile',
  uniforms: ['x', 'y', 'tileWidth', 'tileHeight', 'width', 'height'],
  code: `
@group(0) @binding(1) var<storage, read> tile: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;

fn ramp(i: u32, length: u32, before: bool, after: bool) -> u32 {
  return min(select(length, i + 1, before), select(length, length - i, after));
}

fn compute(i: u32) {
  let column = i % uniforms.tileWidth;
  let row = (i / uniforms.tileWidth) % uniforms.tileHeight;
  let plane = i / (uniforms.tileWidth * uniforms.tileHeight);
  let right = uniforms.x + uniforms.tileWidth < uniforms.width;
  let below = uniforms.y + uniforms.tileHeight < uniforms.height;
  let weight = f32(ramp(column, uniforms.tileWidth, uniforms.x > 0, right))
    * f32(ramp(row, uniforms.tileHeight, uniforms.y > 0, below));
  let at = (uniforms.y + row) * uniforms.width + uniforms.x + column;
  sums[plane * uniforms.width * uniforms.height + at] += weight * tile[i];
  if (plane == 0) { weights[at] += weight; }
}`,
} as const satisfies KernelSource<string>

/** Divides the sums of all planes by the weights. One call per element. */
export const divideByWeights = {
  label: 'divide by weights',
  uniforms: ['plane'],
  code: `
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;

fn compute(i: u32) {
  sums[i] /= weights[i % uniforms.plane];
}`,
} as const satisfies KernelSource<string>
