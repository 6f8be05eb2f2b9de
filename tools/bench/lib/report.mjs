import { writeFileSync } from 'node:fs'

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i ? '---:' : '---'))), ...rows.map(line)].join('\n')
}

export const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`
export const mebibytes = (mib) => `${mib.toFixed(0)} MiB`
export const ratio = (ours, theirs) => `${(ours / theirs).toFixed(2)}x`

/** Prints the parts of a report. Also writes them to `out`, if given. */
export function report(parts, out) {
  const text = `${parts.join('\n\n')}\n`
  process.stdout.write(text)
  if (out) writeFileSync(out, text)
}
