/** A second implementation of the kernels: whole planes, double precision, formulas as published. */
export interface Plane {
  readonly width: number
  readonly height: number
  readonly at: (y: number, x: number) => number
}

export function plane(values: ArrayLike<number>, width: number, height: number): Plane {
  return { width, height, at: (y, x) => values[y * width + x] }
}

/** Computes every value once. */
function computed(width: number, height: number, at: Plane['at']): Plane {
  const values = Float64Array.from({ length: width * height }, (_, i) => at(Math.floor(i / width), i % width))
  return plane(values, width, height)
}

/** Resizes bilinearly with half-pixel centers; coordinates outside the outermost centers take the values there. */
export function resize(source: Plane, width: number, height: number): Plane {
  const clamp = (position: number, size: number) => Math.min(Math.max(position, 0), size - 1)
  return computed(width, height, (y, x) => {
    const sourceY = clamp(((y + 0.5) * source.height) / height - 0.5, source.height)
    const sourceX = clamp(((x + 0.5) * source.width) / width - 0.5, source.width)
    let sum = 0
    for (const row of [Math.floor(sourceY), Math.ceil(sourceY)].filter(unique)) {
      for (const column of [Math.floor(sourceX), Math.ceil(sourceX)].filter(unique)) {
        sum += (1 - Math.abs(sourceY - row)) * (1 - Math.abs(sourceX - column)) * source.at(row, column)
      }
    }
    return sum
  })
}

const unique = (value: number, index: number, all: number[]) => all.indexOf(value) === index

export function combine(planes: readonly Plane[], formula: (...values: number[]) => number): Plane {
  const [{ width, height }] = planes
  return computed(width, height, (y, x) => formula(...planes.map((p) => p.at(y, x))))
}

export const mirror = (source: Plane): Plane =>
  computed(source.width, source.height, (y, x) => source.at(y, source.width - 1 - x))

export function softmax(logits: readonly number[]): number[] {
  const exponentials = logits.map((x) => Math.exp(x - Math.max(...logits)))
  const sum = exponentials.reduce((a, b) => a + b)
  return exponentials.map((e) => e / sum)
}

export const valuesOf = ({ width, height, at }: Plane): Float64Array =>
  Float64Array.from({ length: width * height }, (_, i) => at(Math.floor(i / width), i % width))
