import { basename, join, resolve } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { byName, list } from './folders.js'

/** Fine annotations, or the coarse ones that also cover the split `train_extra`. */
export type AnnotationType = 'gtFine' | 'gtCoarse'

/** A folder of the official archives. */
type Part = AnnotationType | 'leftImg8bit'

/** Most folders between the data set and the folder of a part: an archive unpacked in its own folder, twice. */
const MOST_WRAPPERS = 2

/** The type of the annotations of a split, unless one is given: `train_extra` has coarse ones alone. */
export const annotationType = (split: string): AnnotationType =>
  split === 'train_extra' ? 'gtCoarse' : 'gtFine'

/**
 * Finds the folder of a split, such as `leftImg8bit/val`, in the layouts that people have: the archives unpacked into
 * one folder, or each in a folder of its own (`leftImg8bit_trainvaltest/leftImg8bit/val`). `data` may also be the folder
 * of an archive or of a part (`leftImg8bit`). The outermost folder wins.
 *
 * @returns undefined when there is no such split
 * @throws InverseFormError `invalid-dataset` for two folders of the split at the same depth
 */
export async function findSplit(data: string, part: Part, split: string): Promise<string | undefined> {
  for (const root of rootsOf(data)) {
    for (const folders of await partFolders(root, part)) {
      const found = await Promise.all(
        folders.map(async (folder) => ((await names(folder))?.includes(split) ? join(folder, split) : [])),
      ).then((each) => each.flat())
      if (found.length > 1) {
        throw new InverseFormError(
          'invalid-dataset',
          `${root} has several folders of the split "${split}": ${found.join(' and ')}.`,
          {
            hint: 'Keep one of them, or pass the folder that holds one as `data`.',
            details: { root, found },
          },
        )
      }
      if (found.length === 1) return found[0]
    }
  }
  return undefined
}

/** Lists the folders of a part, such as `gtFine` and `gtFine_trainvaltest/gtFine`, that hold folders. */
export async function findPart(data: string, part: Part): Promise<string[]> {
  for (const root of rootsOf(data)) {
    const folders = (await partFolders(root, part)).flat()
    if (folders.length > 0) return folders
  }
  return []
}

/** Lists the names in a folder without a leading dot, sorted; undefined for a missing folder. */
export async function names(folder: string): Promise<string[] | undefined> {
  const entries = await list(folder)
  // macOS writes `._*.png` next to each image it copies to a foreign disk.
  return entries
    ?.map(({ name }) => name)
    .filter((name) => !name.startsWith('.'))
    .sort(byName)
}

/** What to add to a hint when the data set has annotations of the other type; nothing otherwise. */
export async function otherType(data: string, type: AnnotationType): Promise<string> {
  const other = type === 'gtFine' ? 'gtCoarse' : 'gtFine'
  return (await findPart(data, other)).length > 0 ? ` For ${other}, pass { type: '${other}' }.` : ''
}

/** Describes what a folder holds, for errors. */
export async function contentsOf(folder: string): Promise<string> {
  const found = await names(folder)
  return found === undefined ? `${folder} does not exist` : `${folder} has ${listFew(found)}`
}

/** The folder itself, and those above it while it is the folder of an archive or of a part. */
function rootsOf(data: string): string[] {
  const roots = [data]
  while (/^(leftImg8bit|gtFine|gtCoarse)/.test(basename(resolve(roots.at(-1)!)))) {
    roots.push(join(roots.at(-1)!, '..'))
  }
  return roots
}

/** The folders named as the part, by depth, within folders whose names start with it. */
async function partFolders(root: string, part: Part): Promise<string[][]> {
  const found: string[][] = []
  let folders = [root]
  for (let depth = 0; depth <= MOST_WRAPPERS; depth++) {
    const inside = await Promise.all(
      folders.map(async (folder) =>
        ((await list(folder)) ?? [])
          // A folder may be linked.
          .filter((entry) => !entry.isFile() && entry.name.startsWith(part))
          .map(({ name }) => join(folder, name)),
      ),
    )
    folders = inside.flat().sort(byName)
    found.push(folders.filter((folder) => basename(folder) === part))
  }
  return found
}
