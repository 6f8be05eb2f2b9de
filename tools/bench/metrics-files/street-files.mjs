import { linkSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { street } from '../lib/street.mjs'

/**
 * Writes synthetic streets of 1024x2048 and their predictions in the layout of Cityscapes. PNG filters are chosen per row, as
 * in Pillow and libpng.
 */
export async function writeStreets(folder, pairs) {
  const { targets, results } = makeFolders(folder)
  for (let pair = 0; pair < pairs; pair++) {
    const { width, height, target, instanceIds, prediction } = street(pair)
    const name = `street0_${String(pair).padStart(6, '0')}_000019`
    const write = (data, space, path) =>
      sharp(data, { raw: { width, height, channels: 1 } })
        .toColorspace(space)
        .png({ adaptiveFiltering: true })
        .toFile(path)
    await write(target, 'b-w', join(targets, `${name}_gtFine_labelIds.png`))
    await write(instanceIds, 'grey16', join(targets, `${name}_gtFine_instanceIds.png`))
    await write(prediction, 'b-w', join(results, `${name}_pred.png`))
  }
}

/** Links the files of {@link writeStreets} `times` times, each time under different names. */
export function multiplyStreets(from, to, times) {
  const [source, target] = [from, to].map(makeFolders)
  for (const folder of Object.keys(source)) {
    for (const name of readdirSync(source[folder])) {
      for (let time = 0; time < times; time++) {
        linkSync(join(source[folder], name), join(target[folder], name.replace('street0', `street${time}`)))
      }
    }
  }
}

function makeFolders(folder) {
  const folders = { targets: join(folder, 'gtFine', 'val', 'street'), results: join(folder, 'results') }
  for (const path of Object.values(folders)) mkdirSync(path, { recursive: true })
  return folders
}
