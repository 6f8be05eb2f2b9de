import { join } from 'node:path'
import { openDataset } from '@inverseform/cityscapes/node'
import sharp from 'sharp'

/** Enlarges the first `limit` images of a split and their label ids to one size, as PNG files in `folder`. */
export async function samplesOfSize(width, height, { data, split, limit, folder }) {
  const { samples } = await openDataset({ data, split })
  return Promise.all(
    samples.slice(0, limit).map(async ({ name, image, labelIds }) => {
      const sample = { image: join(folder, `${name}.png`), labelIds: join(folder, `${name}.ids.png`) }
      await sharp(image).resize(width, height, { fit: 'fill' }).png().toFile(sample.image)
      await sharp(labelIds)
        .toColorspace('b-w')
        .resize(width, height, { fit: 'fill', kernel: 'nearest' })
        .png()
        .toFile(sample.labelIds)
      return sample
    }),
  )
}
