/** What can be segmented has a size, in pixels. */
export interface Sized {
  readonly width: number
  readonly height: number
}

/** Indices of images, those of one size together; sizes and indices in the order in which they come. */
export function indicesBySize(images: readonly Sized[]): number[][] {
  const bySize = new Map<string, number[]>()
  for (const [i, { width, height }] of images.entries()) {
    const size = `${width}x${height}`
    const indices = bySize.get(size)
    if (indices) indices.push(i)
    else bySize.set(size, [i])
  }
  return [...bySize.values()]
}
