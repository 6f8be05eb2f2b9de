import { readFile } from 'node:fs/promises'
import { InverseFormError } from '@inverseform/errors'
import type { LabelMap } from '../../png.js'
import { decodeLabelPngNatively } from '../png/decode-png.js'

/**
 * Reads a whole file.
 * @param hint what to check when the file is missing
 * @throws InverseFormError `not-found`, or `unreadable`
 */
export async function readBytes(path: string, hint: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') {
      throw new InverseFormError('not-found', `The file ${path} does not exist.`, {
        hint,
        details: { path },
        cause,
      })
    }
    throw new InverseFormError('unreadable', `${path} cannot be read: ${message}.`, {
      hint: 'Check that it is a file and that you may read it.',
      details: { path },
      cause,
    })
  }
}

/** Reads a label map of any kind, as `decodeLabelPng` decodes it. */
export async function readLabelPng(path: string): Promise<LabelMap> {
  return decodeLabelPngNatively(await readBytes(path, 'Check the path of the label map.'), path)
}

/**
 * Reads a `*_labelIds.png`: label ids, one byte per pixel, from any PNG that `decodeLabelPng` accepts.
 * @throws InverseFormError as decodeLabelPng, `not-found`, and `unreadable` for an id above 255, as in
 *   `*_instanceIds.png`
 */
export async function readLabelIds(path: string): Promise<LabelMap<Uint8Array>> {
  const { width, height, data } = await readLabelPng(path)
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
 * @throws InverseFormError as `decodeLabelPng`, and `not-found`
 */
export async function readInstanceIds(path: string): Promise<LabelMap<Uint16Array>> {
  const { width, height, data } = await readLabelPng(path)
  return { width, height, data: data instanceof Uint16Array ? data : Uint16Array.from(data) }
}
