import { checkInteger, InverseFormError } from '@inverseform/errors'
import { defaultMaxPixels, readRegularFile } from '@inverseform/shared/node'
import type { LabelMap } from '../../png.js'
import { decodeLabelPngNatively } from '../png/decode-png.js'

export interface ReadLabelOptions {
  /** Most pixels that a label map may have. Defaults to what the memory allows, at most 2^26. */
  readonly maxPixels?: number
}

/** Memory that reading takes: the inflated rows, the pixels and the ids, each of up to 16 bits. */
const READ_BYTES_PER_PIXEL = 8

/**
 * Reads a label map of any kind, as `decodeLabelPng` decodes it.
 * @throws InverseFormError as `decodeLabelPng`; `not-found`, and `unreadable` for what is not a regular file
 */
export async function readLabelPng(
  path: string,
  { maxPixels = defaultMaxPixels(READ_BYTES_PER_PIXEL) }: ReadLabelOptions = {},
): Promise<LabelMap> {
  checkInteger('maxPixels', maxPixels, { min: 1 })
  // Not even noise compresses to more than its own size and a little.
  const bytes = await readRegularFile(path, { maxBytes: 4 * maxPixels + 2 ** 20, limit: '`maxPixels`' })
  return decodeLabelPngNatively(bytes, path, { maxPixels })
}

/**
 * Reads a `*_labelIds.png`: label ids, one byte per pixel, from any PNG that `decodeLabelPng` accepts.
 * @throws InverseFormError as `readLabelPng`, and `unreadable` for an id above 255, as in `*_instanceIds.png`
 */
export async function readLabelIds(path: string, options?: ReadLabelOptions): Promise<LabelMap<Uint8Array>> {
  const { width, height, data } = await readLabelPng(path, options)
  if (data instanceof Uint8Array) return { width, height, data }
  const instance = data.find((id) => id > 255)
  if (instance !== undefined) {
    throw new InverseFormError('unreadable', `${path} holds the id ${instance}, which is not a label id.`, {
      hint: 'Use the file ending in _labelIds.png; files ending in _instanceIds.png number single objects.',
      details: { path, id: instance },
    })
  }
  return { width, height, data: Uint8Array.from(data) }
}

/**
 * Reads a `*_instanceIds.png`: label id · 1000 + number for single objects, the plain label id otherwise.
 * @throws InverseFormError as `readLabelPng`
 */
export async function readInstanceIds(
  path: string,
  options?: ReadLabelOptions,
): Promise<LabelMap<Uint16Array>> {
  const { width, height, data } = await readLabelPng(path, options)
  return { width, height, data: data instanceof Uint16Array ? data : Uint16Array.from(data) }
}
