import { readFile } from 'node:fs/promises'
import { InverseFormError } from '@inverseform/errors'
import type { LabelMap } from '../png.js'
import { decodeLabelPngNatively } from './decode-png.js'

/**
 * Reads a file that should be there.
 * @param hint what to check when it is not
 * @throws InverseFormError `not-found`, or `unreadable`
 */
export async function readBytes(path: string, hint: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT')
      throw new InverseFormError('not-found', `There is no file ${path}.`, { hint, details: { path }, cause })
    throw new InverseFormError('unreadable', `${path} cannot be read: ${message}.`, {
      hint: 'Check that it is a file and that you may read it.',
      details: { path },
      cause,
    })
  }
}

/** Reads ids of any kind, as `decodeLabelPng` gives them. */
export async function readLabelPng(path: string): Promise<LabelMap> {
  return decodeLabelPngNatively(await readBytes(path, 'Check the path of the label map.'), path)
}

/**
 * Reads a `*_labelIds.png`: label ids, one byte a pixel, from a PNG of any kind that `decodeLabelPng` reads.
 * @throws InverseFormError as decodeLabelPng, `not-found`, and `unreadable` for an id above 255, which is how
 *   `*_instanceIds.png` shows
 */
export async function readLabelIds(path: string): Promise<LabelMap<Uint8Array>> {
  const { width, height, data } = await readLabelPng(path)
  if (data instanceof Uint8Array) return { width, height, data }
  const instance = data.find((id) => id > 255)
  if (instance !== undefined)
    throw new InverseFormError('unreadable', `${path} holds the id ${instance}, which no label has.`, {
      hint: 'Use the file ending in _labelIds.png; those ending in _instanceIds.png tell single objects apart.',
      details: { path, id: instance },
    })
  return { width, height, data: Uint8Array.from(data) }
}

/**
 * Reads a `*_instanceIds.png`: label id · 1000 + number for single objects, the plain label id for all else.
 * @throws InverseFormError as `decodeLabelPng`, and `not-found`
 */
export async function readInstanceIds(path: string): Promise<LabelMap<Uint16Array>> {
  const { width, height, data } = await readLabelPng(path)
  return { width, height, data: data instanceof Uint16Array ? data : Uint16Array.from(data) }
}
