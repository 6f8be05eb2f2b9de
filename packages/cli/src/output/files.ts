import { dirname } from 'node:path'
import { makeFolder, writeFileAtomically } from '@inverseform/backbones/node'

/** Writes a whole file, its folder made if need be: to a temporary file first, then renamed. */
export async function writeOutput(path: string, contents: string | Uint8Array): Promise<void> {
  const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents
  await makeFolder(dirname(path))
  await writeFileAtomically(path, (sink) => sink.write(bytes))
}
