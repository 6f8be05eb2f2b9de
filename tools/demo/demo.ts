// Compares two bundled networks, trained without and with the InverseForm term, on the bundled scenes.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { colorize } from '@inverseform/cityscapes'
import { makeFolder, writeWholeFile } from '@inverseform/shared/node'
import { busiestCrop } from './lib/crops.js'
import { type PageRow, page } from './lib/page.js'
import { imagePicture, labelPicture, rgbPicture } from './lib/pictures.js'
import { type ScoredScene, scoreCheckpoint } from './lib/score.js'
import { scoreText } from './lib/table.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const out = path('../../demo-output')
const data = path('cityscapes')

async function segment(checkpoint: string) {
  const scenes: ScoredScene[] = []
  const scores = await scoreCheckpoint(path(`../../checkpoints/${checkpoint}`), data, {
    onScene: (scene) => scenes.push(scene),
  })
  return { scenes, scores }
}

const without = await segment('hrnet16-slim-demo-without-inverseform.pth')
const withTerm = await segment('hrnet16-slim-demo.pth')

await makeFolder(join(out, 'images'))

/** Writes pictures of a scene, and returns them for the page. */
async function write(scene: string, pictures: Readonly<Record<string, Promise<Buffer>>>): Promise<PageRow> {
  const files = Object.entries(pictures).map(async ([title, bytes]): Promise<[string, string]> => {
    const file = `${scene}_${title.replaceAll(/\W+/g, '-')}.png`
    await writeWholeFile(join(out, 'images', file), await bytes)
    return [title, file]
  })
  return { scene, pictures: await Promise.all(files) }
}

const crops: PageRow[] = []
const scenes: PageRow[] = []
for (const [i, { name, image, target, labels }] of without.scenes.entries()) {
  const second = withTerm.scenes[i].labels
  const crop = busiestCrop(target, image, { width: 96, height: 64 })
  crops.push(
    await write(name, {
      'crop of the image': imagePicture(image, crop),
      'crop of the target': labelPicture(image, crop, target),
      'crop, trained without': labelPicture(image, crop, labels, target),
      'crop, trained with': labelPicture(image, crop, second, target),
    }),
  )
  scenes.push(
    await write(name, {
      image: rgbPicture(image.data, image),
      target: rgbPicture(colorize(target), image),
      'trained without': rgbPicture(colorize(labels), image),
      'trained with': rgbPicture(colorize(second), image),
    }),
  )
}
const file = join(out, 'index.html')
await writeWholeFile(file, page({ crops, scenes, without: without.scores, with: withTerm.scores }))

console.log(`
Two networks on six drawn scenes, in percent:

${scoreText(without.scores, withTerm.scores)}

The InverseForm term acts in training; both networks cost the same to run.
The scenes are drawn: scores say nothing about Cityscapes.

Look at the boundaries: ${file}`)
