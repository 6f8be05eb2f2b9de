import { InverseFormError } from '@inverseform/errors'

/**
 * Returns whether this is a thread of ONNX Runtime. It starts threads from the script that contains it, so after bundling they run
 * the script of your worker, too. Let that script do nothing there.
 */
export const isOnnxThread = (): boolean => Boolean(globalThis.self?.name?.startsWith('em-pthread'))

/** Without this check, each thread would train and start threads of its own. */
export function checkNoOnnxThread(): void {
  if (!isOnnxThread()) return
  throw new InverseFormError('invalid-argument', 'A thread of ONNX Runtime tries to train.', {
    hint: 'ONNX Runtime starts its threads from the script of your worker. Start there only `if (!isOnnxThread())`.',
  })
}
