import { extname, relative, resolve, sep } from 'node:path'
import type { Dataset, Sample } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { findImages } from '../input-images.js'

interface PlainFolders {
  /** The folder of the images. */
  readonly images: string
  /** The folder of the label maps. */
  readonly gt: string
  /** The end of the names of the images; any extension by default. */
  readonly imageSuffix?: string
  /** The end of the names of the label maps; `.png` by default. */
  readonly gtSuffix?: string
  /** A folder that is written to. */
  readonly out?: string
}

/**
 * Pairs images with the label maps that have their path, except for the ends of the names.
 * @throws InverseFormError `not-found` without label maps; `invalid-dataset` for label maps without an image
 */
export async function openPlainFolders({
  images,
  gt,
  imageSuffix,
  gtSuffix = '.png',
  out = '',
}: PlainFolders): Promise<Dataset> {
  const targets = await stems(gt, gtSuffix, out)
  if (targets.size === 0) {
    throw new InverseFormError('not-found', `The folder ${gt} has no *${gtSuffix}.`, {
      hint: 'Pass --gt with the folder of the label maps, and --gt-suffix with the end of their names.',
    })
  }
  const found = await stems(images, imageSuffix, out)
  const missing = [...targets.keys()].filter((name) => !found.has(name))
  if (missing.length > 0) {
    throw new InverseFormError(
      'invalid-dataset',
      `${missing.length} of ${targets.size} label maps have no image in ${images}: ${listFew(missing)}.`,
      {
        hint: 'Give each image the path of its label map. Pass --image-suffix and --gt-suffix if the ends of the names differ.',
        details: { missing },
      },
    )
  }
  const samples = [...targets].map(
    ([name, labelIds]): Sample => ({ name, city: '', image: found.get(name) as string, labelIds }),
  )
  const unlabeled = [...found].filter(([name]) => !targets.has(name)).map(([, path]) => path)
  return {
    data: images,
    split: '',
    samples,
    total: samples.length,
    unpaired: { images: unlabeled, labelIds: [] },
  }
}

/** Returns the paths of the images in a folder by their paths there, without suffix or extension. */
async function stems(
  folder: string,
  suffix: string | undefined,
  out: string,
): Promise<ReadonlyMap<string, string>> {
  const { images } = await findImages([folder], out)
  const paths = images.map(({ path }) => path).filter((path) => suffix === undefined || path.endsWith(suffix))
  return new Map(
    paths.map((path) => {
      const length = suffix?.length ?? extname(path).length
      const inside = relative(resolve(folder), path)
      return [inside.slice(0, inside.length - length).replaceAll(sep, '/'), path]
    }),
  )
}
