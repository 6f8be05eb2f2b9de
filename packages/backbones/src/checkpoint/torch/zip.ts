import { bytesSource } from '../../io/source.js'
import { decodeLatin1 } from '../decode.js'
import type { ByteOrder } from '../dtype.js'
import type { CheckpointFile } from '../file.js'
import { ByteCursor } from '../pickle/cursor.js'
import { unpickle } from '../pickle/unpickle.js'
import { describe } from '../pickle/values.js'
import { openStateDict } from '../tensors.js'
import type { CheckpointContents } from '../types.js'
import { openZip, type ZipEntry } from '../zip/archive.js'
import { type Verifiable, verifyEntries } from '../zip/verify.js'
import { findStateDict } from './state-dict.js'
import { torchScope } from './storages.js'

const PICKLE = 'data.pkl'

/** Opens the zip format of torch.save since PyTorch 1.6: `data.pkl` and one file per storage, in one folder. */
export async function openPthZip(
  file: CheckpointFile,
  key?: string,
): Promise<CheckpointContents & Verifiable> {
  const entries = await openZip(file)
  const pickle = findPickle(file, entries)
  const folder = pickle.name.slice(0, -PICKLE.length)
  file.check('maxHeaderBytes', pickle.byteLength, `bytes of ${pickle.name}`)
  const order = await readByteOrder(file, entries.get(`${folder}byteorder`))
  const bytes = await pickle.read(0, pickle.byteLength)
  const value = await unpickle(new ByteCursor(file, bytesSource(bytes), pickle.name), torchScope(file))
  const { tensors, metadata } = findStateDict(file, value, key)
  return {
    format: 'pth-zip',
    tensors: openStateDict(file, tensors, order, ({ key }) => entries.get(`${folder}data/${key}`)),
    metadata: metadata(),
    verify: (signal) => verifyEntries(file, entries.values(), signal),
  }
}

function findPickle(file: CheckpointFile, entries: ReadonlyMap<string, ZipEntry>): ZipEntry {
  const names = [...entries.keys()]
  const pickles = names.filter((name) => name === PICKLE || name.endsWith(`/${PICKLE}`))
  if (pickles.length !== 1) {
    const some = names.slice(0, 5).map(describe).join(', ')
    throw file.invalid(
      `a zip archive with ${pickles.length || 'no'} entries named ${PICKLE}; it has ${some || 'no entries'}${names.length > 5 ? ', …' : ''}`,
      'Use a file written by torch.save.',
    )
  }
  const folder = pickles[0].slice(0, -PICKLE.length)
  if (names.some((name) => name === `${folder}constants.pkl` || name.startsWith(`${folder}code/`))) {
    throw file.invalid(
      'a TorchScript archive, which holds a program besides the tensors',
      'In Python: torch.save(torch.jit.load(path).state_dict(), newPath).',
    )
  }
  return entries.get(pickles[0])!
}

/** Reads the byte order, which PyTorch writes since 2.1. Older files are little-endian. */
async function readByteOrder(file: CheckpointFile, entry: ZipEntry | undefined): Promise<ByteOrder> {
  if (!entry) return 'little'
  const order = decodeLatin1(await entry.read(0, Math.min(entry.byteLength, 8)))
  if (order !== 'little' && order !== 'big') {
    throw file.invalid(`its byteorder entry says ${describe(order)}, not "little" or "big"`)
  }
  return order
}
