import { InverseFormError } from '@inverseform/errors'
import type { ByteSink } from '../../io/sink.js'
import { asLittleEndian } from '../dtype.js'
import { checkWritable, readWritable, type WritableTensor } from '../writable.js'
import { pickleStateDict, type TorchMetadataValue } from './write-pickle.js'
import { ZipWriter } from './write-zip.js'

const ascii = new TextEncoder()

/**
 * Writes tensors as a `.pth` file that `torch.load` opens, also with `weights_only=True`: the zip format of torch.save
 * since PyTorch 1.6. One tensor is in memory at a time, and the same input gives the same bytes.
 *
 * @param metadata written beside the tensors. Python then loads `{'state_dict': OrderedDict, …metadata}`. Without them, it
 * loads the OrderedDict itself.
 * @throws InverseFormError `invalid-argument` for names used twice, tensors that cannot be written, or metadata named
 * `state_dict`; `size-mismatch` when `read()` returns another type or length than the tensor's
 *
 * @example
 * await writeFileAtomically('model.pth', (sink) => writeTorchCheckpoint(checkpoint.tensors.values(), sink, { epoch: 12 }))
 */
export async function writeTorchCheckpoint(
  tensors: Iterable<WritableTensor>,
  sink: ByteSink,
  metadata?: Readonly<Record<string, TorchMetadataValue>>,
): Promise<void> {
  const given = [...tensors]
  checkWritable(given)
  if (metadata && Object.hasOwn(metadata, 'state_dict')) {
    throw new InverseFormError('invalid-argument', 'metadata cannot have the key state_dict.', {
      hint: 'The tensors are written under this key: choose another one.',
    })
  }
  const zip = new ZipWriter(sink)
  await zip.add('archive/data.pkl', pickleStateDict(given, metadata))
  await zip.add('archive/byteorder', ascii.encode('little'))
  for (const [i, tensor] of given.entries()) {
    await zip.add(`archive/data/${i}`, asLittleEndian(await readWritable(tensor)))
  }
  await zip.add('archive/version', ascii.encode('3\n'))
  await zip.finish()
}
