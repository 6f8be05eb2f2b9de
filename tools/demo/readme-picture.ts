// Writes the picture of the README: a scene and its segments, and below a crop's boundaries as drawn by both bundled networks.
import { fileURLToPath } from 'node:url'
import { writeWholeFile } from '@inverseform/shared/node'
import sharp from 'sharp'
import { busiestCrop, type Crop } from './lib/crops.js'
import { imagePicture, labelPicture } from './lib/pictures.js'
import { type ScoredScene, scoreCheckpoint } from './lib/score.js'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
/** The scene with the most objects that the networks find. */
const SCENE = 4
const GAP = 8

async function sceneOf(checkpoint: string): Promise<ScoredScene> {
  const scenes: ScoredScene[] = []
  await scoreCheckpoint(path(`../../checkpoints/${checkpoint}`), path('cityscapes'), {
    onScene: (scene) => scenes.push(scene),
  })
  return scenes[SCENE]
}

const without = await sceneOf('hrnet16-slim-demo-without-inverseform.pth')
const { image, target, labels } = await sceneOf('hrnet16-slim-demo.pth')
const whole: Crop = { x: 0, y: 0, width: image.width, height: image.height }
const crop = busiestCrop(target, image, { width: 96, height: 64 })
const rows = [
  [imagePicture(image, whole), labelPicture(image, whole, labels)],
  [
    imagePicture(image, crop),
    labelPicture(image, crop, without.labels, target),
    labelPicture(image, crop, labels, target),
    labelPicture(image, crop, target),
  ],
]

const WIDTH = 1200
const tiles: { input: Buffer; left: number; top: number }[] = []
let top = 0
for (const row of rows) {
  const width = Math.floor((WIDTH - GAP * (row.length - 1)) / row.length)
  let height = 0
  for (const [i, picture] of row.entries()) {
    const { data, info } = await sharp(await picture)
      .resize({ width })
      .toBuffer({ resolveWithObject: true })
    tiles.push({ input: data, left: i * (width + GAP), top })
    height = info.height
  }
  top += height + GAP
}
const canvas = sharp({ create: { width: WIDTH, height: top - GAP, channels: 4, background: '#0000' } })
const file = path('../../docs/figures/readme.png')
await writeWholeFile(file, await canvas.composite(tiles).png({ palette: true, quality: 90 }).toBuffer())
console.log(`Wrote ${file}`)
