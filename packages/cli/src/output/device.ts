import type { NodeSegmenter, Precision } from '@inverseform/runtime-node'
import type { Terminal } from '../terminal.js'

/**
 * Names the devices that are there and were not used, and a precision that was not; what a machine does not have is no
 * news.
 */
export function noteOnDevices(segmenter: NodeSegmenter, wanted: Precision, terminal: Terminal): void {
  const { ladder, device, precision } = segmenter
  for (const { device: left, outcome, reason } of ladder) {
    if (outcome === 'failed' || outcome === 'refused') {
      terminal.err(`note: Running on ${device}, not on ${left}. ${reason}\n`)
    }
  }
  if (precision !== wanted) {
    terminal.err(`note: Running in ${precision}, not in ${wanted}. ${ladder.at(-1)?.reason}\n`)
  }
}

/** `cuda 0, 1 in float16` */
export function deviceName({ device, deviceIds, precision }: NodeSegmenter): string {
  const ids = deviceIds.length > 0 ? ` ${deviceIds.join(', ')}` : ''
  return `${device}${ids}${precision === 'float32' ? '' : ` in ${precision}`}`
}

/** How many images can be segmented at one time. */
export function devicesOf({ deviceIds }: NodeSegmenter): number {
  return Math.max(1, deviceIds.length)
}
