import { realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { InverseFormError } from '@inverseform/errors'
import { walk } from './folders.js'

/**
 * The files that {@link walk} finds in a folder, but for those in the folder `output`, so that a second run does not
 * take the first one's for its input. An output above the folder or beside it leaves nothing out.
 * @throws InverseFormError `not-found`, with the hint given, for no folder; `invalid-argument` when `output` is the
 *   same folder, under whatever name
 */
export async function walkOutside(
  folder: string,
  output: string | undefined,
  hint: string,
): Promise<string[]> {
  const files = await walk(folder, hint)
  if (output === undefined) return files
  const way = relative(await realPath(folder), await realPath(output))
  if (way === '')
    throw new InverseFormError(
      'invalid-argument',
      `${output} holds the label maps that are read and cannot be the output too.`,
      { hint: 'Write to another folder.', details: { folder, output } },
    )
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) return files
  return files.filter((path) => !path.startsWith(join(folder, way) + sep))
}

/** Without links, for what is not there yet too. */
async function realPath(path: string): Promise<string> {
  const parent = dirname(resolve(path))
  try {
    return await realpath(path)
  } catch (error) {
    if (parent === resolve(path)) throw error
    return join(await realPath(parent), basename(path))
  }
}
