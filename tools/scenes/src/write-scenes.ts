import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { checkArgument, checkInteger } from '@inverseform/errors'
import { checkPath, writeWholeFile } from '@inverseform/shared/node'
import sharp from 'sharp'
import { sceneSeed } from './dice.js'
import { drawScene } from './draw-scene.js'

export interface WriteScenesOptions {
  /** The folder of the data set. Files of the same name are replaced, others stay. */
  readonly out: string
  /** Number of scenes per split, such as `{ train: 400, val: 50 }`. */
  readonly splits: Readonly<Record<string, number>>
  readonly width: number
  readonly height: number
  readonly seed: number
  /** Called after each scene. */
  readonly onScene?: (done: number, total: number) => void
}

const CITY = 'drawnton'

/**
 * Writes scenes in the layout of Cityscapes: images, label ids and instance ids. Scene i of a split depends on the seed, the
 * split and i alone, so that more scenes can be added to a folder later.
 *
 * @throws InverseFormError `invalid-argument`, `write-failed`
 */
export async function writeScenes(options: WriteScenesOptions): Promise<void> {
  const { out, splits, width, height, seed, onScene } = options
  checkPath('out', out)
  checkInteger('seed', seed)
  const scenes = Object.entries(splits).flatMap(([split, count]) => {
    checkArgument('splits', split, /^\w+$/.test(split), 'names of letters, digits and _')
    checkInteger(`splits.${split}`, count, { min: 0, max: 999_999 })
    return Array.from({ length: count }, (_, i) => ({ split, i }))
  })
  let [next, done] = [0, 0]
  const work = async () => {
    while (next < scenes.length) {
      const { split, i } = scenes[next++]
      const scene = await drawScene({ width, height, seed: sceneSeed(seed, split, i) })
      const name = `${CITY}_${String(i).padStart(6, '0')}_000019`
      const target = join(out, 'gtFine', split, CITY, `${name}_gtFine`)
      const { data, channels } = scene.image
      const encode = (pixels: Uint8Array | Uint16Array, channels: 1 | 3, space: string) =>
        sharp(pixels, { raw: { width, height, channels } })
          .toColourspace(space)
          .png({ compressionLevel: channels === 1 ? 6 : 3 })
          .toBuffer()
      const [image, labelIds, instanceIds] = await Promise.all([
        encode(data, channels, 'srgb'),
        encode(scene.labelIds, 1, 'b-w'),
        encode(scene.instanceIds, 1, 'grey16'),
      ])
      await writeWholeFile(`${target}_labelIds.png`, labelIds)
      await writeWholeFile(`${target}_instanceIds.png`, instanceIds)
      // The image comes last: a data set may lack a sample, but an image without labels is an error.
      await writeWholeFile(join(out, 'leftImg8bit', split, CITY, `${name}_leftImg8bit.png`), image)
      onScene?.(++done, scenes.length)
    }
  }
  // Sharp rasterizes and compresses in threads of its own, while this thread composes the next scenes.
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, work))
}
