import { spawnSync } from 'node:child_process'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@inverseform/testing/downloads'
import { expect, test } from 'vitest'
import { writeWholeFile } from '../src/node/atomic-file.js'
import { ownProcess } from '../src/node/process-id.js'
import { sweepTemporary, temporaryFileName, temporaryFolderName } from '../src/node/temporary-names.js'

const { place } = ownProcess()
const dead = () => spawnSync(process.execPath, ['-e', '']).pid

test('the first file that is written to a folder removes what dead processes left there', async () => {
  const folder = await temporaryFolder()
  const pid = dead()
  const left = [`.inverseform-${place}-${pid}-12-01234567.tmp`, `inverseform-${place}-${pid}--01234567`]
  await writeFile(join(folder, left[0]), 'half a file')
  await mkdir(join(folder, left[1], 'deep'), { recursive: true })
  const kept = [
    temporaryFileName(),
    temporaryFolderName(),
    `.inverseform-ffffffff-${pid}-12-01234567.tmp`,
    'inverseform-notes.tmp',
    `my.inverseform-${place}-${pid}-12-01234567.tmp`,
  ]
  for (const name of kept) await writeFile(join(folder, name), 'of another')
  await writeWholeFile(join(folder, 'new.txt'), 'new')
  expect((await readdir(folder)).sort()).toEqual([...kept, 'new.txt'].sort())
})

test("a file of another machine's goes when nobody has touched it for a day", async () => {
  const folder = await temporaryFolder()
  const name = '.inverseform-ffffffff-1-12-01234567.tmp'
  await writeFile(join(folder, name), '')
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000)
  await utimes(join(folder, name), yesterday, yesterday)
  await sweepTemporary(folder)
  expect(await readdir(folder)).toEqual([])
})

test('a folder that is not there is no error', async () => {
  await expect(sweepTemporary(join(await temporaryFolder(), 'none'))).resolves.toBeUndefined()
})
