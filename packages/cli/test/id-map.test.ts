import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readIdMap } from '../src/options/id-map.js'
import { temporaryFolder } from './command-line.js'

test('reads pairs, and files of pairs', async () => {
  expect([...(await readIdMap('255=1'))]).toEqual([[255, 1]])
  expect([...(await readIdMap('255=1, -1=0,7=7'))]).toEqual([
    [255, 1],
    [-1, 0],
    [7, 7],
  ])
  const file = join(await temporaryFolder(), 'map')
  for (const text of ['# masks\n0=2\r\n\n255: 1 # object\n', '{"0": 2, "255": 1}']) {
    await writeFile(file, text)
    expect([...(await readIdMap(file))]).toEqual([
      [0, 2],
      [255, 1],
    ])
  }
})

test('refuses everything else, and says what is accepted', async () => {
  const file = join(await temporaryFolder(), 'map')
  for (const text of ['', 'a=1', '1=a', '1=-1', '1=1\n1=2', '{', '{"a": 1}', '70000=1', '1=70000']) {
    await writeFile(file, text)
    await expect(readIdMap(file)).rejects.toMatchObject({
      code: 'unreadable',
      hint: expect.stringContaining('255=1'),
    })
  }
  for (const value of ['1=', '=', '1=1,1=2', '1']) {
    await expect(readIdMap(value)).rejects.toMatchObject({ code: 'invalid-argument' })
  }
  await expect(readIdMap('no/such/file')).rejects.toMatchObject({ code: 'not-found' })
})
