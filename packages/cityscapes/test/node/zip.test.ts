import { expect, it } from 'vitest'
import { writeZip } from '../../src/node/zip.js'

it('an archive of more than 4 GiB is refused before the file that is too much', async () => {
  const GiB = new Uint8Array(2 ** 30)
  const entries = [1, 2, 3, 4].map((i) => ({ name: `${i}.png`, bytes: GiB }))
  const written: number[] = []
  await expect(writeZip(entries, async (bytes) => void written.push(bytes.length))).rejects.toMatchObject({
    code: 'limit-exceeded',
    details: { name: '4.png', entries: 4 },
  })
  expect(written.filter((length) => length === 2 ** 30)).toHaveLength(3)
})
