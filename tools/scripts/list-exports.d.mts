/** Returns a map from each entry point, such as `@inverseform/core/array`, to its sorted exports. */
export function listExports(): Map<string, { name: string; isType: boolean }[]>
