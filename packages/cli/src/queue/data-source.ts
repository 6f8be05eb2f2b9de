import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { downloadBytes } from '@inverseform/backbones/node'
import type { Sample } from '@inverseform/cityscapes/node'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { withoutSecrets } from '@inverseform/shared'
import { sweepTemporary, temporaryFolderName } from '@inverseform/shared/node'
import { filesOf } from '../evaluation/evaluate-run.js'
import { isPathBelow } from '../path-below.js'
import { sizesOf } from '../state/run-state.js'

/** An image of a run, with its files by their paths below the folder of the data, divided by `/`. */
export interface QueuedSample {
  readonly name: string
  readonly city: string
  readonly image: string
  readonly labelIds?: string
}

/** The files of an image, where they can be read until they are disposed of. */
export interface LocalFiles extends AsyncDisposable {
  readonly sample: Sample
  /** The sizes of the files. */
  readonly bytes: readonly number[]
  /** Puts into a message where the files are from. */
  inWords(message: string): string
}

/** Where a worker reads images. */
export interface DataSource {
  /** @throws InverseFormError `not-found`, unless the data are there, as far as one image shows */
  check(sample: QueuedSample): Promise<void>
  /** @throws InverseFormError of this image, or `runtime-unavailable` if no image could be read */
  fetch(sample: QueuedSample, signal: AbortSignal): Promise<LocalFiles>
  /** Images that are fetched beside those that are segmented. */
  readonly ahead: number
}

/** Whether `--data` is a URL. */
export const isUrl = (data: string): boolean => /^https?:\/\//i.test(data)

/** Returns `--data` as messages and pages may show it: a URL without its password, and without its query, which may hold a signature. */
export const shownData = (data: string): string => (isUrl(data) ? withoutSecrets(data.split('?')[0]) : data)

/** @throws InverseFormError `unreadable` for a name that is no path below a folder */
export function checkDataName(name: string): void {
  if (isPathBelow(name)) return
  throw new InverseFormError('unreadable', `A run has the file name ${JSON.stringify(name)}.`, {
    hint: 'Names are paths below --data. Somebody changed the run: remove it.',
    details: { name },
  })
}

/** Opens a folder, or a URL below which files have the same paths. */
export const openDataSource = (data: string): DataSource =>
  isUrl(data) ? urlSource(data) : folderSource(data)

function folderSource(folder: string): DataSource {
  const pathOf = (name: string) => {
    checkDataName(name)
    return join(folder, ...name.split('/'))
  }
  return {
    ahead: 1,
    async check({ image }) {
      const path = pathOf(image)
      if (await stat(path).then(Boolean, () => false)) return
      throw new InverseFormError(
        'not-found',
        `The data of the run are not in ${folder}: there is no ${path}.`,
        {
          hint: `Pass --data with the folder that has ${image}.`,
          details: { path },
        },
      )
    },
    async fetch(queued) {
      const { name, city, image, labelIds } = queued
      const sample = { name, city, image: pathOf(image), labelIds: labelIds && pathOf(labelIds) }
      const bytes = await sizesOf(filesOf(queued).map(pathOf))
      return { sample, bytes, inWords: (message) => message, async [Symbol.asyncDispose]() {} }
    },
  }
}

/** More than an image or a label map has. */
const MAX_BYTES = 2 ** 28

function urlSource(base: string): DataSource {
  const urlOf = (name: string) => {
    checkDataName(name)
    const url = new URL(base)
    url.pathname = [url.pathname.replace(/\/+$/, ''), ...name.split('/').map(encodeURIComponent)].join('/')
    return url.href
  }
  const fetchFile = async (name: string, signal?: AbortSignal) => {
    try {
      return await downloadBytes(urlOf(name), { maxBytes: MAX_BYTES, signal })
    } catch (error) {
      // What is wrong with the network or a signature is wrong for all images.
      if (!isInverseFormError(error) || error.code !== 'unreadable') throw error
      const { message, hint, details, cause } = error
      throw new InverseFormError('runtime-unavailable', message, { hint, details, cause })
    }
  }
  return {
    ahead: 3,
    async check({ image }) {
      await fetchFile(image)
    },
    async fetch(queued, signal) {
      const { name, city, labelIds } = queued
      const files = await Promise.all(filesOf(queued).map((file) => fetchFile(file, signal)))
      await sweepTemporary(tmpdir())
      const folder = join(tmpdir(), temporaryFolderName())
      // An image and its label map may have one name.
      const paths = filesOf(queued).map((file, i) => join(folder, `${i}`, basename(file)))
      for (const [i, path] of paths.entries()) {
        await mkdir(join(folder, `${i}`), { recursive: true })
        await writeFile(path, files[i])
      }
      const shown = shownData(base).replace(/\/+$/, '')
      return {
        sample: { name, city, image: paths[0], labelIds: labelIds === undefined ? undefined : paths[1] },
        bytes: files.map(({ byteLength }) => byteLength),
        inWords: (message) =>
          paths.reduce((text, path, i) => text.replaceAll(path, `${shown}/${filesOf(queued)[i]}`), message),
        [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
      }
    },
  }
}
