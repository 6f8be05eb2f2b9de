import type { NodeSegmenter } from '@inverseform/runtime-node'
import type { Terminal } from '../terminal.js'

/** Names the devices that are there and were not used; what a machine does not have is no news. */
export function noteOnDevices({ ladder, device }: NodeSegmenter, terminal: Terminal): void {
  for (const { device: left, outcome, reason } of ladder) {
    if (outcome === 'failed' || outcome === 'refused') {
      terminal.err(`note: Running on ${device}, not on ${left}. ${reason}\n`)
    }
  }
}
