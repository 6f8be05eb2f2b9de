import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Gives the tests a cache folder of their own: a model that was cached before a change of the code would hide the change. */
export default async function setUp(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'inverseform-cache-'))
  process.env.INVERSEFORM_CACHE = folder
  return () => rm(folder, { recursive: true, force: true })
}
