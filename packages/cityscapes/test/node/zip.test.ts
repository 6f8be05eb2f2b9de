import { expect, it } from 'vitest'
import { writeZip } from '../../src/node/submission/zip.js'

it('refuses an archive above 4 GiB before the file that exceeds it', async () => {
  const GiB = new Uint8Array(2 ** 30)
  const entries = [1, 2, 3, 4].map((i) => ({ name: `${i}.png`, bytes: GiB }))
  const written: number[] = []
  await expect(
    writeZip(entries, { write: async (bytes) => void written.push(bytes.length) }),
  ).rejects.toMatchObject({
    code: 'limit-exceeded',
    details: { name: '4.png', entries: 4 },
  })
  expect(written.filter((length) => length === 2 ** 30)).toHaveLength(3)
})
