import { linkSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { street } from './street.mjs'

/**
 * Writes made-up streets of 1024x2048 in the layout of Cityscapes, and predictions of them. PNGs are filtered by row, as
 * Pillow and libpng do.
 */
export async function writeStreets(folder, pairs) {
  const { truths, results } = makeFolders(folder)
  for (let pair = 0; pair < pairs; pair++) {
    const { width, height, truth, instanceIds, prediction } = street(pair)
    const name = `street0_${String(pair).padStart(6, '0')}_000019`
    const write = (data, space, path) =>
      sharp(data, { raw: { width, height, channels: 1 } })
        .toColourspace(space)
        .png({ adaptiveFiltering: true })
        .toFile(path)
    await write(truth, 'b-w', join(truths, `${name}_gtFine_labelIds.png`))
    await write(instanceIds, 'grey16', join(truths, `${name}_gtFine_instanceIds.png`))
    await write(prediction, 'b-w', join(results, `${name}_pred.png`))
  }
}

/** Links the files of {@link writeStreets} so often, each time under other names. */
export function multiplyStreets(from, to, times) {
  const [source, target] = [from, to].map(makeFolders)
  for (const folder of Object.keys(source))
    for (const name of readdirSync(source[folder]))
      for (let time = 0; time < times; time++)
        linkSync(join(source[folder], name), join(target[folder], name.replace('street0', `street${time}`)))
}

function makeFolders(folder) {
  const folders = { truths: join(folder, 'gtFine', 'val', 'street'), results: join(folder, 'results') }
  for (const path of Object.values(folders)) mkdirSync(path, { recursive: true })
  return folders
}
