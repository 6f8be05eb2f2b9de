/**
 * WGSL that interpolates the mean of one or two maps, and reads mirrored maps mirrored. The maps are bindings 1 and 2; a
 * single map is bound to both. Needs `interpolationCode`.
 */
export const viewMapsCode = `
@group(0) @binding(1) var<storage, read> firstMap: array<f32>;
@group(0) @binding(2) var<storage, read> secondMap: array<f32>;

struct ViewMaps { width: u32, height: u32, views: u32, firstMirrored: u32, secondMirrored: u32 }

// Indices of the four neighbors of a position in a plane of each map, and their weights.
struct Corners { first: vec4u, second: vec4u, weights: vec4f, views: u32 }

fn cornersOf(x: Interpolation, y: Interpolation, maps: ViewMaps) -> Corners {
  let columns = vec4u(x.lower, x.upper, x.lower, x.upper);
  let mirrored = vec4u(maps.width - 1) - columns;
  let starts = maps.width * vec4u(y.lower, y.lower, y.upper, y.upper);
  let weights = vec4f(1 - x.weight, x.weight, 1 - x.weight, x.weight)
    * vec4f(1 - y.weight, 1 - y.weight, y.weight, y.weight);
  return Corners(
    starts + select(columns, mirrored, maps.firstMirrored == 1),
    starts + select(columns, mirrored, maps.secondMirrored == 1),
    weights,
    maps.views,
  );
}

// The value in the plane that starts at \`start\`.
fn valueAt(corners: Corners, start: u32) -> f32 {
  let a = corners.first + start;
  let first = dot(vec4f(firstMap[a.x], firstMap[a.y], firstMap[a.z], firstMap[a.w]), corners.weights);
  if (corners.views == 1) { return first; }
  let b = corners.second + start;
  let second = dot(vec4f(secondMap[b.x], secondMap[b.y], secondMap[b.z], secondMap[b.w]), corners.weights);
  return (first + second) / 2;
}`
