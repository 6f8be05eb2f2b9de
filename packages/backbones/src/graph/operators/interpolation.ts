/** Returns the weights of the old samples (columns) in each new sample (rows) of a bilinear resize, [to, from] in C order. */
export function interpolationMatrix(from: number, to: number): Float32Array {
  const matrix = new Float32Array(to * from)
  for (let i = 0; i < to; i++) {
    const position = Math.max(((i + 0.5) * from) / to - 0.5, 0)
    const first = Math.min(Math.floor(position), from - 1)
    const second = Math.min(first + 1, from - 1)
    matrix[i * from + first] += 1 - (position - first)
    matrix[i * from + second] += position - first
  }
  return matrix
}
