/**
 * Formats a fraction in 0..1, or NaN, as Python's `repr` and `json.dumps`. Both languages write the fewest digits that
 * read back as the same double. They differ in when they use an exponent, in how it looks, and in `1.0`.
 */
export function pythonRepr(value: number): string {
  if (Number.isInteger(value)) return `${value}.0`
  if (value >= 1e-4 || Number.isNaN(value)) return String(value)
  return value.toExponential().replace(/-(\d)$/, '-0$1')
}

/** Formats a fraction in 0..1, or NaN, as Python's `:{width}.{digits}f`, which rounds ties to even; JavaScript rounds up. */
export function pythonFixed(value: number, digits: number, width: number): string {
  return (Number.isNaN(value) ? 'nan' : fixed(value, digits)).padStart(width)
}

function fixed(value: number, digits: number): string {
  // 100 digits hold the exact decimal value of every fraction that can be a tie.
  const exact = value.toFixed(100)
  const end = exact.length - 100 + digits
  const tie = /^50*$/.test(exact.slice(end))
  return tie && Number(exact[end - 1]) % 2 === 0 ? exact.slice(0, end) : value.toFixed(digits)
}
