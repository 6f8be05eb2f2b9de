import type { NodeSegmenter, SegmenterOptions } from '@inverseform/runtime-node'
import { listFew } from '@inverseform/shared'
import type { Printer } from '../../printer.js'

/** Tells which model was loaded, and which tensors are not part of it. */
export function noteOnTensors(
  { model, numClasses, report }: Pick<NodeSegmenter, 'model' | 'numClasses' | 'report'>,
  printer: Printer,
): void {
  const { loaded, unused, unexpected } = report
  printer.line(
    `${model}, ${numClasses} classes: ${loaded.length} tensors loaded, ${unused.length} not needed`,
  )
  if (unexpected.length > 0) {
    printer.note(`${unexpected.length} tensors are not part of this model: ${listFew(unexpected)}`)
  }
}

/**
 * Tells which devices of this machine were tried but are not used, and whether the precision is another one. Devices that
 * the machine does not have are not mentioned, except the CPU: WebAssembly, which replaces it, is slower.
 */
export function noteOnDevices(
  { attempts, device, precision }: NodeSegmenter,
  wanted: SegmenterOptions['precision'],
  printer: Printer,
): void {
  const rejected = attempts.filter(({ outcome }) => outcome !== 'used')
  for (const { device: tried, outcome, reason } of rejected) {
    if (outcome === 'failed' || outcome === 'refused' || tried === 'cpu') {
      printer.note(`Running on ${device}, not on ${tried}. ${reason}`)
    }
  }
  if (wanted !== 'auto' && precision !== wanted) {
    printer.note(`Running in ${precision}, not in ${wanted}. ${attempts.at(-1)?.reason}`)
  }
}

/** Names the device, such as `cuda 0, 1 in float16` or `cpu, 2 workers`. */
export function deviceName({ device, deviceIds, precision, workers }: NodeSegmenter): string {
  const ids = deviceIds.length > 0 ? ` ${deviceIds.join(', ')}` : ''
  const inPrecision = precision === 'float32' ? '' : ` in ${precision}`
  return `${device}${ids}${inPrecision}${workers > Math.max(1, deviceIds.length) ? `, ${workers} workers` : ''}`
}
