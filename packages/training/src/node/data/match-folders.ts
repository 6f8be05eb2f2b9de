import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { checkArgument, InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { checkPath, fileError } from '@inverseform/shared/node'

/** Plain folders of images and label maps, whose paths within them are equal up to the ends of the names. */
export interface PlainFolders {
  /** The folder of the images. */
  readonly images: string
  /** The folder of the label maps: PNGs of class ids. */
  readonly gt: string
  /** The end of the names of the images; by default the extension of any image. */
  readonly imageSuffix?: string
  /** The end of the names of the label maps. Defaults to `.png`. */
  readonly gtSuffix?: string
}

/** The files of one sample. */
export interface SampleFile {
  readonly name: string
  readonly image: string
  readonly target: string
}

/** Extensions of the formats that `readImage` decodes. */
const extension = /\.(png|jpe?g|webp|avif|tiff?|gif)$/i

/**
 * Pairs images with the label maps that have their path within the folder, except for the ends of the names. Images without
 * a label map are left out, and named.
 * @returns samples sorted by name, with `/` between folders
 */
export async function matchFolders({
  images,
  gt,
  imageSuffix,
  gtSuffix = '.png',
}: PlainFolders): Promise<{ readonly files: readonly SampleFile[]; readonly unlabeled: readonly string[] }> {
  checkPath('images', images)
  checkPath('gt', gt)
  checkSuffix('imageSuffix', imageSuffix ?? '')
  checkSuffix('gtSuffix', gtSuffix)
  const targets = await byStem('gt', gt, gtSuffix)
  const found = await byStem('images', images, imageSuffix)
  const missing = [...targets.keys()].filter((name) => !found.has(name))
  if (missing.length > 0) {
    throw new InverseFormError(
      'invalid-dataset',
      `${missing.length} of ${targets.size} label maps have no image in ${images}: ${listFew(missing)}.`,
      {
        hint: 'Give each image the path of its label map, or pass the ends of the names as `imageSuffix` and `gtSuffix`.',
        details: { missing },
      },
    )
  }
  return {
    files: [...targets].map(([name, target]) => ({ name, image: found.get(name) as string, target })),
    unlabeled: [...found.keys()].filter((name) => !targets.has(name)),
  }
}

function checkSuffix(name: string, suffix: unknown): void {
  checkArgument(name, suffix, typeof suffix === 'string', 'the end of file names')
}

/** Returns the files of a folder, at any depth, by their paths within it, without the end of the name; hidden ones are left out. */
async function byStem(
  argument: string,
  folder: string,
  suffix: string | undefined,
): Promise<ReadonlyMap<string, string>> {
  const paths = await list(folder)
  const stems = new Map<string, string>()
  for (const path of paths) {
    const end = suffix ?? extension.exec(path)?.[0]
    if (end === undefined || !path.toLowerCase().endsWith(end.toLowerCase())) continue
    const name = relative(folder, path.slice(0, path.length - end.length)).replaceAll(sep, '/')
    const other = stems.get(name)
    if (other !== undefined) {
      throw new InverseFormError('invalid-dataset', `${other} and ${path} have the same name.`, {
        hint: `Remove one of them from the folder \`${argument}\`, or pass the end of the names of the right ones.`,
        details: { paths: [other, path] },
      })
    }
    stems.set(name, path)
  }
  if (stems.size > 0) return stems
  throw new InverseFormError(
    'not-found',
    `The folder ${folder} has no ${suffix === undefined ? 'images' : `*${suffix}`}; found ${listFew(paths.map((path) => relative(folder, path)))}.`,
    {
      hint: `Pass the right folder as \`${argument}\`, and the end of the names if it differs.`,
      details: { folder },
    },
  )
}

async function list(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, recursive: true })
    return entries
      .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ parentPath, name }) => join(parentPath, name))
      .sort()
  } catch (cause) {
    throw fileError(folder, cause)
  }
}
